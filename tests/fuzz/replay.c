/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Does inputs of a fuzzer again, without the fuzzer: those of FUZZ_CORPUS, or the
 * files that are named. An input that fails ends the program.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	unsigned char *data = NULL;
	long size = -1;

	if (file && fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size >= 0) {
		/* exactly so much, for a sanitizer to see what goes beyond */
		data = malloc(size ? size : 1);
		rewind(file);
	}
	if (!data || fread(data, 1, size, file) != (size_t)size) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	fclose(file);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_corpus(void)
{
	struct dirent **entries;
	char path[4096];
	int n = scandir(FUZZ_CORPUS, &entries, is_input, alphasort);
	int i;

	if (n <= 0) {
		perror(FUZZ_CORPUS);
		exit(EXIT_FAILURE);
	}
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", FUZZ_CORPUS, entries[i]->d_name);
		replay(path);
		free(entries[i]);
	}
	free(entries);
	return n;
}

int main(int argc, char **argv)
{
	int n = argc - 1, i;

	for (i = 1; i < argc; i++)
		replay(argv[i]);
	if (!n)
		n = replay_corpus();
	/* for run-programs */
	printf("100%%: Checks: %d, Failures: 0, Errors: 0\n", n);
	return EXIT_SUCCESS;
}
