/* replay.c - runs a fuzz target on the empty input and on every file of the directories named. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INPUT_BYTES ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each input in a block of its own exact size, so that the sanitizer sees a read past its end. */
static int
replay_bytes(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact)
		return -1;
	memcpy(exact, data, size);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

static int
replay_stream(FILE *in, const char *path)
{
	static uint8_t buffer[MAX_INPUT_BYTES];
	size_t size = fread(buffer, 1, sizeof(buffer), in);
	if (ferror(in) || size == sizeof(buffer)) {
		(void)fprintf(stderr, "%s: cannot be read, or is larger than 16 MiB\n", path);
		return -1;
	}
	return replay_bytes(buffer, size);
}

static int
replay_file(const char *directory, const char *name)
{
	char path[4096];
	int len = snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (len < 0 || (size_t)len >= sizeof(path))
		return -1;
	FILE *in = fopen(path, "rb");
	if (!in) {
		perror(path);
		return -1;
	}
	int rc = replay_stream(in, path);
	(void)fclose(in);
	return rc;
}

/* Returns the number of inputs run, or -1. */
static int
replay_directory(const char *directory)
{
	DIR *dir = opendir(directory);
	if (!dir) {
		perror(directory);
		return -1;
	}
	int count = 0;
	for (struct dirent *entry; count >= 0 && (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		count = replay_file(directory, entry->d_name) == 0 ? count + 1 : -1;
	}
	(void)closedir(dir);
	return count;
}

int
main(int argc, char **argv)
{
	int total = 1;
	if (replay_bytes((const uint8_t *)"", 0) != 0)
		return 1;
	for (int i = 1; i < argc; i++) {
		int count = replay_directory(argv[i]);
		if (count <= 0) {
			(void)fprintf(stderr, "%s: no corpus\n", argv[i]);
			return 1;
		}
		total += count;
	}
	(void)printf("%d inputs replayed\n", total);
	return 0;
}
