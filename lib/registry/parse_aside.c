/* SPDX-License-Identifier: Apache-2.0
 *
 * parse_aside - see parse_aside.h.
 */
#include "lib/registry/parse_aside.h"

#include "lib/task/offload.h"

#include "lib/base/banned.h"

#define SHORT_MAX (128 << 10) /* bytes; less than a millisecond's work */

struct job {
    struct span content;
    struct span declared;
    bool is_pushed;
    enum digest_algorithm algorithm;
    struct digest canonical;
    struct digest digest;
    struct manifest *manifest;
};

/* Pure: may run on a helper. */
static int run(void *arg, struct error *err)
{
    struct job *job = arg;

    if (!job->is_pushed)
        return manifest_parse_stored(job->content, &job->manifest, err);
    digest_of(DIGEST_SHA256, job->content, &job->canonical);
    job->digest = job->canonical;
    if (job->algorithm != DIGEST_SHA256)
        digest_of(job->algorithm, job->content, &job->digest);
    return manifest_parse(job->content, job->declared, &job->manifest, err);
}

static int run_aside(struct job *job, struct error *err)
{
    return job->content.len <= SHORT_MAX ? run(job, err) : offload(run, job, err);
}

int parse_aside_pushed(struct span content, struct span declared, enum digest_algorithm algorithm,
                       struct digest *out_canonical, struct digest *out_digest,
                       struct manifest **out, struct error *err)
{
    struct job job = {
        .content = content, .declared = declared, .is_pushed = true, .algorithm = algorithm};

    if (run_aside(&job, err) < 0)
        return -1;
    *out_canonical = job.canonical;
    *out_digest = job.digest;
    *out = job.manifest;
    return 0;
}

int parse_aside_stored(struct span content, struct manifest **out, struct error *err)
{
    struct job job = {.content = content};

    if (run_aside(&job, err) < 0)
        return -1;
    *out = job.manifest;
    return 0;
}
