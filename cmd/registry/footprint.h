/* SPDX-License-Identifier: Apache-2.0
 *
 * footprint - how much memory the process takes up for code it does not run.
 */
#pragma once

/*
 * Takes the pages of code off the process that loading and starting have touched: those of the
 * libraries that libraries bring along, most of all. They stay in the system's page cache; what is
 * run again is mapped again at its first use.
 */
void footprint_shrink(void);
