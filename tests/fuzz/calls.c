/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * A fuzzer of the kernel's side: programs of calls, at random and from a corpus,
 * each in a process of its own; see README.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cover.h"
#include "execute.h"
#include "program.h"
#include "watch.h"

#define CORPUS_MAX	4096
#define RING		8	/* programs that are known after the guest's death */
#define PLACES_MAX	256
#define PROGRAM_SECONDS	60	/* before it is killed */
#define KILL_SECONDS	120	/* before that counts as a hang */

static struct {
	uint64_t seed;
	unsigned int seconds;
	unsigned int repeat;
	bool reduce;
	const char *corpus[16];
	unsigned int ncorpus;
} options = { .seconds = 60, .repeat = 1 };

static struct report *report;
static struct program corpus[CORPUS_MAX];
static unsigned int ncorpus;
static struct cover_set covered;
static bool guided;
static const char *out;		/* VM_OUT */
static uint64_t nprograms, ncalls;

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000ull + time.tv_nsec / 1000000;
}

/* A file of a program under VM_OUT, all of it written when this returns. */
static void save(const char *name, const char *comment, const struct program *program)
{
	char path[512];
	FILE *file;

	if (!out)
		return;
	snprintf(path, sizeof(path), "%s/%s", out, name);
	file = fopen(path, "we");
	if (!file)
		err(2, "%s", path);
	fprintf(file, "# %s\n", comment);
	program_print(program, file);
	if (fflush(file) || fsync(fileno(file)) || fclose(file))
		err(2, "%s", path);
}

/* In case it is the last thing that the guest does. */
static void save_in_ring(const struct program *program)
{
	char name[32], comment[96];

	snprintf(name, sizeof(name), "last-%llu.calls", (unsigned long long)(nprograms % RING));
	snprintf(comment, sizeof(comment), "program %llu, seed %llu",
		 (unsigned long long)nprograms, (unsigned long long)options.seed);
	save(name, comment, program);
}

/* Wait for every process of a program's, and what it left behind; its own status. */
static int reap(pid_t pid)
{
	const uint64_t end = now_ms() + (PROGRAM_SECONDS + KILL_SECONDS) * 1000ull;
	bool killed = false;
	int status = -1, one;
	pid_t got;

	/* the first to end is the program, as a rule, and no child of its own may stay */
	for (;;) {
		got = waitpid(-1, &one, killed ? WNOHANG : 0);
		if (got == pid)
			status = one;
		if (got == pid || (got < 0 && errno == EINTR)) {
			/* it has ended, or its time has */
			kill(-pid, SIGKILL);
			killed = true;
		} else if (got < 0) {
			return status;
		} else if (got == 0) {
			if (now_ms() > end) {
				execute_found("a process cannot be killed");
				return -1;
			}
			poll(NULL, 0, 1);
		}
	}
}

static void on_alarm(int number)
{
	(void)number;
}

/* Run a program; false: something was found, report->text tells what. */
static bool run_once(const struct program *program)
{
	int status;
	pid_t pid;

	cover_reset();
	atomic_store(&report->ncalls, 0);
	atomic_store(&report->found, 0);
	atomic_store(&report->packed, false);
	save_in_ring(program);
	alarm(PROGRAM_SECONDS);
	pid = fork();
	if (pid < 0)
		err(2, "fork");
	if (pid == 0) {
		setpgid(0, 0);
		execute_run(program);
		_exit(0);
	}
	setpgid(pid, pid);
	status = reap(pid);
	alarm(0);
	cover_finish();
	nprograms++;
	ncalls += atomic_load(&report->ncalls);
	if (status != -1 && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		execute_found("the program was killed by signal %d", WTERMSIG(status));
	/* in any case all of them, for what one finds must not be left to the next */
	return (watch_log() & watch_leftovers() & watch_canary()) && watch_log() &&
	       !atomic_load(&report->found);
}

static bool run(const struct program *program)
{
	unsigned int i;

	for (i = 0; i < options.repeat; i++)
		if (!run_once(program))
			return false;
	return true;
}

/* What is found this way can be found again in the same guest. */
static bool is_repeatable(void)
{
	return strncmp(report->text, "the kernel reported", 19) &&
	       strncmp(report->text, "a process cannot", 16);
}

/*
 * Leave out calls, then arguments, as long as something is still found. Ends
 * early, with false, when the kernel has found a bug in itself: it may do so only
 * once, so the next try is a new guest's.
 */
static bool reduce_step(struct program *program, const struct program *smaller, bool *found)
{
	char text[sizeof(report->text)];

	*found = !run(smaller);
	if (!*found)
		return true;
	*program = *smaller;
	memcpy(text, report->text, sizeof(text));
	save("reduced.calls", text, program);
	return is_repeatable();
}

static bool reduce_calls(struct program *program)
{
	struct program smaller;
	unsigned int n, first;
	bool found;

	for (n = program->n > 1 ? program->n / 2 : 0; n; n /= 2) {
		for (first = 0; first + n <= program->n;) {
			smaller = *program;
			program_remove(&smaller, first, n);
			if (!reduce_step(program, &smaller, &found))
				return false;
			if (!found)
				first += n;
		}
	}
	return true;
}

static bool reduce_arguments(struct program *program)
{
	struct program smaller;
	unsigned int i, j;
	bool found;

	for (i = 0; i < program->n; i++) {
		smaller = *program;
		smaller.calls[i].async = false;
		if (program->calls[i].async && !reduce_step(program, &smaller, &found))
			return false;
		for (j = 0; j < call_nargs(program->calls[i].op); j++) {
			smaller = *program;
			smaller.calls[i].args[j] = 0;
			if (program->calls[i].args[j] && !reduce_step(program, &smaller, &found))
				return false;
		}
	}
	return true;
}

static bool reduce(struct program *program)
{
	return reduce_calls(program) && reduce_arguments(program);
}

/* Print what was found, with the shortest program that finds it, if that can be known here. */
static void tell(struct program *program)
{
	const bool repeatable = is_repeatable();
	char text[sizeof(report->text)];

	memcpy(text, report->text, sizeof(text));
	printf("fuzz: found: %s\n", text);
	save("found.calls", text, program);
	fflush(stdout);
	if (repeatable && !run(program)) {
		reduce(program);
		save("found.calls", text, program);
		printf("fuzz: the smallest program that finds it:\n");
	} else {
		printf("fuzz: the program, which tests/fuzz/minimise can make smaller:\n");
	}
	program_print(program, stdout);
	fflush(stdout);
}

static void corpus_add(const struct program *program)
{
	if (ncorpus < CORPUS_MAX)
		corpus[ncorpus++] = *program;
}

/* Leave out what is not needed to reach @places, which were new. */
static bool shrink(struct program *program, const uint64_t *places, size_t n)
{
	struct program smaller;
	unsigned int i;

	for (i = program->n; i-- && program->n > 1;) {
		smaller = *program;
		program_remove(&smaller, i, 1);
		if (!run_once(&smaller)) {
			*program = smaller;
			return false;
		}
		if (cover_has_places(places, n))
			*program = smaller;
	}
	return true;
}

/* Run a program and keep it if it went where none was before; false: something was found. */
static bool try(struct program *program)
{
	uint64_t places[PLACES_MAX];
	size_t n, steps, new_places;
	char name[64];

	if (!run_once(program))
		return false;
	if (!guided)
		return true;
	n = cover_new_places(&covered, places, PLACES_MAX);
	cover_collect(&covered, &new_places, &steps);
	if (n) {
		/* that takes many runs: for a corpus that will be kept */
		if (!options.seconds && !shrink(program, places, n))
			return false;
		snprintf(name, sizeof(name), "corpus/%016llx.calls",
			 (unsigned long long)program_hash(program));
		save(name, "new places of the module", program);
	}
	if (n || steps)
		corpus_add(program);
	return true;
}

static void generate(struct program *program, struct random *random)
{
	static const struct program empty;

	if (!ncorpus || random_percent(random, guided ? 20 : 60)) {
		program_generate(program, random);
		return;
	}
	/* the latest are where news is */
	*program = corpus[random_percent(random, 50) ? random_below(random, ncorpus) :
			  ncorpus - 1 - random_below(random, ncorpus < 32 ? ncorpus : 32)];
	program_mutate(program, ncorpus ? &corpus[random_below(random, ncorpus)] : &empty, random);
}

static bool read_program(const char *path, struct program *program)
{
	char error[256];
	FILE *file = fopen(path, "re");

	if (!file) {
		warn("%s", path);
		return false;
	}
	if (!program_parse(program, file, error, sizeof(error))) {
		warnx("%s: %s", path, error);
		fclose(file);
		return false;
	}
	fclose(file);
	return true;
}

static int is_program_file(const struct dirent *entry)
{
	const size_t len = strlen(entry->d_name);

	return len > 6 && !strcmp(entry->d_name + len - 6, ".calls");
}

/* Run what is in a directory; false: something was found. */
static bool try_directory(const char *directory, struct program *program)
{
	struct dirent **entries;
	bool good = true;
	char path[512];
	int i, n;

	n = scandir(directory, &entries, is_program_file, alphasort);
	if (n < 0)
		err(2, "%s", directory);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		if (good) {
			if (!read_program(path, program))
				exit(2);
			good = try(program);
			/* unguided, nobody knows better which are worth keeping */
			if (!guided)
				corpus_add(program);
		}
		free(entries[i]);
	}
	free(entries);
	return good;
}

static void show_progress(uint64_t start)
{
	static uint64_t last;

	if (!isatty(STDERR_FILENO) || now_ms() - last < 1000)
		return;
	last = now_ms();
	fprintf(stderr, "\r%llu s: %llu programs, %llu calls, %zu PCs, corpus %u ",
		(unsigned long long)(last - start) / 1000, (unsigned long long)nprograms,
		(unsigned long long)ncalls, covered.nplaces, ncorpus);
}

static void print_summary(const char *what)
{
	printf("fuzz: %llu calls in %llu sequences, %zu PCs covered, seed %llu, %s\n",
	       (unsigned long long)ncalls, (unsigned long long)nprograms, covered.nplaces,
	       (unsigned long long)options.seed, what);
}

static int fuzz(void)
{
	const uint64_t start = now_ms(), end = start + options.seconds * 1000ull;
	struct random random = { .state = options.seed };
	static struct program program;
	bool good = true;
	unsigned int i;

	printf("fuzz: seed %llu, %s\n", (unsigned long long)options.seed,
	       guided ? "guided by coverage" : "unguided: no coverage of the module here");
	fflush(stdout);
	for (i = 0; i < options.ncorpus && good; i++)
		good = try_directory(options.corpus[i], &program);
	while (good && now_ms() < end) {
		generate(&program, &random);
		good = try(&program);
		show_progress(start);
	}
	if (isatty(STDERR_FILENO))
		putc('\n', stderr);
	if (!good) {
		tell(&program);
		print_summary("something found");
		return 1;
	}
	atomic_store(&report->found, 0);
	if (!watch_end()) {
		printf("fuzz: found at the end: %s\n", report->text);
		print_summary("something found");
		return 1;
	}
	print_summary("nothing found");
	return 0;
}

static int run_files(char **paths, int n)
{
	struct program program;
	int i;

	for (i = 0; i < n; i++) {
		if (!read_program(paths[i], &program))
			return 2;
		if (!run(&program)) {
			printf("%s: %s\n", paths[i], report->text);
			return 1;
		}
	}
	return 0;
}

/* 0: it cannot be made smaller, or finds nothing; 1: reduced.calls has a smaller one. */
static int reduce_file(const char *path)
{
	struct program program;

	if (!read_program(path, &program))
		return 2;
	if (reduce(&program)) {
		program_print(&program, stdout);
		return 0;
	}
	return 1;
}

/* Is the module one that KCOV sees? A call that always gets there tells. */
static bool module_is_covered(void)
{
	struct program program = { .n = 1, .calls = { { .op = OP_CONTROL } } };
	size_t places, steps;

	if (!run_once(&program)) {
		tell(&program);
		exit(1);
	}
	cover_collect(&covered, &places, &steps);
	cover_set_clear(&covered);
	return places;
}

static void usage(FILE *file)
{
	fputs("usage: calls [OPTION...]\n"
	      "       calls [--repeat N] --run FILE...\n"
	      "       calls [--repeat N] --reduce FILE\n"
	      "\n"
	      "  --seed N       where the random numbers start (default: the time)\n"
	      "  --time SEC     how long to try new programs (default: 60); 0: only those of the\n"
	      "                 corpora, and store in $VM_OUT/corpus as little as covers the same\n"
	      "  --corpus DIR   programs to run first and to change; may be given again\n"
	      "  --run          run the programs of the files, one after another\n"
	      "  --reduce       make a program smaller that finds something\n"
	      "  --repeat N     run each program so often (default: 1)\n"
	      "  --help         print this\n"
	      "\n"
	      "Fuzzes the frameio module of the running kernel, as root; for use in the VM only.\n"
	      "Exit status: 0 nothing found, 1 something found, 2 it could not be tried.\n", file);
}

static uint64_t parse_number(const char *text)
{
	char *end;
	uint64_t number;

	errno = 0;
	number = strtoull(text, &end, 0);
	if (errno || end == text || *end)
		errx(2, "'%s' is not a number", text);
	return number;
}

static void parse_options(int argc, char **argv, bool *run_only)
{
	static const struct option known[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "time", required_argument, NULL, 't' },
		{ "corpus", required_argument, NULL, 'c' },
		{ "run", no_argument, NULL, 'r' },
		{ "reduce", no_argument, NULL, 'R' },
		{ "repeat", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	options.seed = time(NULL);
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 's':
			options.seed = parse_number(optarg);
			break;
		case 't':
			options.seconds = parse_number(optarg);
			break;
		case 'c':
			if (options.ncorpus == sizeof(options.corpus) / sizeof(options.corpus[0]))
				errx(2, "too many corpora");
			options.corpus[options.ncorpus++] = optarg;
			break;
		case 'r':
			*run_only = true;
			break;
		case 'R':
			options.reduce = true;
			break;
		case 'n':
			options.repeat = parse_number(optarg);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (options.reduce ? optind != argc - 1 : *run_only == (optind == argc)) {
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	int netns[EXECUTE_NETNS];
	bool run_only = false;
	char path[512];

	parse_options(argc, argv, &run_only);
	out = getenv("VM_OUT");
	if (out) {
		snprintf(path, sizeof(path), "%s/corpus", out);
		if (mkdir(path, 0777) && errno != EEXIST)
			err(2, "%s", path);
	}
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (report == MAP_FAILED)
		err(2, "mmap");
	sigaction(SIGALRM, &action, NULL);
	/* what a program's process leaves behind is ours to wait for */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	cover_set_init(&covered);
	watch_init(netns);
	execute_init(netns, report);
	if (run_only)
		return run_files(argv + optind, argc - optind);
	if (options.reduce)
		return reduce_file(argv[optind]);
	guided = cover_init(EXECUTE_THREADS) && module_is_covered();
	return fuzz();
}
