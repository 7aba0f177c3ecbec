/* SPDX-License-Identifier: Apache-2.0
 *
 * loop_lag - how late the loop gets to what is due: a timer that looks at the clock.
 */
#pragma once

void loop_lag_start(void);
void loop_lag_stop(void);
