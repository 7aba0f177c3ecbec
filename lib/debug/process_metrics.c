/* SPDX-License-Identifier: Apache-2.0
 *
 * process_metrics - see process_metrics.h. All of it comes from memory of the kernel: nothing here
 * waits for a disk.
 */
#include "lib/debug/process_metrics.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/metrics/metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/banned.h"

static struct metric_family build_info_family =
    METRIC_GAUGE("registry_build_info", "Always 1; the version is in the label.", "version");
static struct metric_family cpu_family = METRIC_COUNTER(
    "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", NULL);
static struct metric_family max_fds_family =
    METRIC_GAUGE("process_max_fds", "Maximum number of open file descriptors.", NULL);
static struct metric_family open_fds_family =
    METRIC_GAUGE("process_open_fds", "Number of open file descriptors.", NULL);
static struct metric_family resident_family =
    METRIC_GAUGE("process_resident_memory_bytes", "Resident memory size in bytes.", NULL);
static struct metric_family virtual_family =
    METRIC_GAUGE("process_virtual_memory_bytes", "Virtual memory size in bytes.", NULL);
static struct metric_family start_family = METRIC_GAUGE(
    "process_start_time_seconds", "Start time of the process since unix epoch in seconds.", NULL);

/* A small file of /proc as text; false if it cannot be read. */
static bool read_proc(const char *path, char *out, size_t size)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, out, size - 1) : -1;

    if (len < 0)
        return false;
    out[len] = '\0';
    return true;
}

/* ---- one by one ---- */

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void collect_cpu(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) == 0)
        metric_set_only(&cpu_family, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
}

/* "size resident ...", in pages. */
static void collect_memory(void)
{
    double page = (double)sysconf(_SC_PAGESIZE);
    char text[256];
    char *rest;

    if (!read_proc("/proc/self/statm", text, sizeof(text)))
        return;
    metric_set_only(&virtual_family, (double)strtoull(text, &rest, 10) * page);
    metric_set_only(&resident_family, (double)strtoull(rest, NULL, 10) * page);
}

/* Newer kernels tell the count as the directory's size, others are counted by hand. */
static double count_fds(void)
{
    struct stat stat_buffer;
    double count = 0;
    DIR *dir;

    if (stat("/proc/self/fd", &stat_buffer) == 0 && stat_buffer.st_size > 0)
        return (double)stat_buffer.st_size;
    dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count - 3; /* ".", ".." and the directory's own */
}

static void collect_fds(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metric_set_only(&max_fds_family, (double)limit.rlim_cur);
    metric_set_only(&open_fds_family, count_fds());
}

/* The 22nd field of stat: ticks after the machine's start. The second, the program's name in
 * parentheses, may hold anything. */
static double started_at(void)
{
    struct timespec now = clock_now();
    struct timespec up;
    char text[1024];
    char *at;

    if (!read_proc("/proc/self/stat", text, sizeof(text)) || (at = strrchr(text, ')')) == NULL)
        return 0;
    for (int field = 2; field < 22 && at != NULL; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL || clock_gettime(CLOCK_BOOTTIME, &up) < 0)
        return 0;
    return (double)(now.tv_sec - up.tv_sec) + (double)(now.tv_nsec - up.tv_nsec) / 1e9 +
           (double)strtoull(at, NULL, 10) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- all ---- */

static void collect(void *arg)
{
    (void)arg;
    collect_cpu();
    collect_memory();
    collect_fds();
}

void process_metrics_start(const char *version)
{
    if (version != NULL)
        metric_set(metric_series(&build_info_family, version), 1);
    metric_set_only(&start_family, started_at());
    metrics_on_collect(collect, NULL);
}

void process_metrics_stop(void)
{
    metrics_off_collect(collect, NULL);
}
