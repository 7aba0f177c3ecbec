/* SPDX-License-Identifier: Apache-2.0
 *
 * replay - runs a fuzz target over every file of the folders it is given, without a fuzzer: what
 * was once found stays found, with any compiler.
 */
#include "lib/base/memory.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/banned.h"

#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the whole file into a buffer of its exact size, so that a read beyond its end is seen. */
static void replay_file(const char *path)
{
    uint8_t *all = xmalloc(INPUT_MAX);
    uint8_t *exact;
    size_t size;
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size = fread(all, 1, INPUT_MAX, file);
    fclose(file);
    exact = xmalloc(size);
    if (size > 0)
        memcpy(exact, all, size);
    free(all);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

/* Says how many inputs it ran; none at all is a failure. */
static int replay_folder(const char *folder)
{
    struct dirent **entries;
    int entry_count = scandir(folder, &entries, NULL, alphasort);
    int input_count = 0;
    char path[4096];

    if (entry_count < 0) {
        perror(folder);
        return -1;
    }
    for (int i = 0; i < entry_count; i++) {
        if (entries[i]->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
            fprintf(stderr, "%s\n", path);
            replay_file(path);
            input_count++;
        }
        free(entries[i]);
    }
    free(entries);
    printf("%d inputs of %s\n", input_count, folder);
    return input_count > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    int status = argc > 1 ? 0 : 1;

    for (int i = 1; i < argc; i++) {
        if (replay_folder(argv[i]) < 0)
            status = 1;
    }
    return status;
}
