/* SPDX-License-Identifier: Apache-2.0
 *
 * footprint - see footprint.h.
 */
#include "cmd/registry/footprint.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/banned.h"

/* Code that nobody can have written to: dropping its pages loses nothing. */
static int drop_code(struct dl_phdr_info *object, size_t size, void *arg)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)size, (void)arg;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + segment->p_vaddr;
        uintptr_t end = begin + segment->p_memsz;

        if (segment->p_type != PT_LOAD || segment->p_flags != (PF_R | PF_X) ||
            segment->p_filesz == 0)
            continue;
        begin &= ~(page - 1);
        end = (end + page - 1) & ~(page - 1);
        /* the kernel's own page (vdso) refuses, which is fine */
        madvise((void *)begin, end - begin, MADV_DONTNEED); /* NOLINT(performance-no-int-to-ptr) */
    }
    return 0;
}

void footprint_shrink(void)
{
    dl_iterate_phdr(drop_code, NULL);
}
