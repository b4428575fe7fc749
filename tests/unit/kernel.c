/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel.h"

#define MAX_FDS	1024

struct kernel kernel;

/* The files that were opened here. */
static bool is_control[MAX_FDS], is_netns[MAX_FDS];

static bool watching_memory;

/* The linker gives the library __wrap_open() where it calls open(), and so on. */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
void *__real_mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *address, size_t size);
int __wrap_munmap(void *address, size_t size);
int __wrap_setns(int fd, int type);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
			  void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
			  void *argument);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);
void __wrap_free(void *block);

static int fail_with(int error)
{
	errno = error;
	return -1;
}

static int open_stand_in(int flags, bool *kind)
{
	int fd = __real_open("/dev/null", flags);

	if (fd < 0 || fd >= MAX_FDS)
		abort();
	kind[fd] = true;
	kernel.nfiles++;
	return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	if (!strcmp(path, "/dev/frameio/control")) {
		kernel.ncontrols++;
		kernel.control_flags = flags;
		if (kernel.open_error)
			return fail_with(kernel.open_error);
		kernel.control_fd = open_stand_in(flags, is_control);
		return kernel.control_fd;
	}
	if (!strcmp(path, KERNEL_NETNS_PATH))
		return open_stand_in(flags, is_netns);
	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return __real_open(path, flags, mode);
}

int __wrap_close(int fd)
{
	if (fd >= 0 && fd < MAX_FDS && (is_control[fd] || is_netns[fd])) {
		is_control[fd] = false;
		is_netns[fd] = false;
		kernel.nfiles--;
	}
	return __real_close(fd);
}

/* The test's answer, whose assertions allocate memory of their own. */
static int answer(unsigned long request, void *argument)
{
	const bool watching = watching_memory;
	int error;

	watching_memory = false;
	error = kernel.answer(request, argument);
	watching_memory = watching;
	return error;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;
	int error;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (fd < 0 || fd >= MAX_FDS || !is_control[fd])
		return __real_ioctl(fd, request, argument);
	kernel.nioctls++;
	kernel.request = request;
	kernel.ioctl_fd = fd;
	kernel.ioctl_thread = gettid();
	error = kernel.ioctl_error;
	if (!error && kernel.answer)
		error = answer(request, argument);
	return error ? fail_with(error) : 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	if (n != 1)
		abort();
	__atomic_add_fetch(&kernel.npolls, 1, __ATOMIC_RELAXED);
	kernel.poll_fd = fds->fd;
	kernel.poll_events = fds->events;
	kernel.poll_timeout = timeout_ms;
	if (kernel.poll_error)
		return fail_with(kernel.poll_error);
	fds->revents = kernel.poll ? kernel.poll(fds->events, timeout_ms) : kernel.poll_revents;
	return !!fds->revents;
}

/* A page and an area, and the area once more: the mapping of a ring. */
static unsigned char *map_ring(size_t size, size_t page_size)
{
	const size_t area_size = (size - page_size) / 2;
	const int prot = PROT_READ | PROT_WRITE;
	int fd = memfd_create("ring", MFD_CLOEXEC);
	unsigned char *map, *once, *twice;

	map = __real_mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || ftruncate(fd, page_size + area_size) || map == MAP_FAILED)
		abort();
	once = __real_mmap(map, page_size + area_size, prot, MAP_SHARED | MAP_FIXED, fd, 0);
	twice = __real_mmap(map + page_size + area_size, area_size, prot, MAP_SHARED | MAP_FIXED,
			    fd, page_size);
	if (once != map || twice != map + page_size + area_size)
		abort();
	__real_close(fd);
	return map;
}

/* The length of the mapping says how large the area is. */
void *__wrap_mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset)
{
	const size_t page_size = sysconf(_SC_PAGESIZE);
	struct kernel_ring *ring = offset ? &kernel.write_ring : &kernel.read_ring;

	if (fd < 0 || fd >= MAX_FDS || !is_control[fd])
		return __real_mmap(address, size, prot, flags, fd, offset);
	if (kernel.mmap_error && (!kernel.mmap_countdown || !--kernel.mmap_countdown)) {
		errno = kernel.mmap_error;
		return MAP_FAILED;
	}
	if (address || prot != (PROT_READ | PROT_WRITE) || flags != MAP_SHARED || ring->page ||
	    (offset && (uint64_t)offset != FRAMEIO_RING_WRITE_OFFSET) || size <= page_size)
		abort();
	ring->page = (void *)map_ring(size, page_size);
	ring->area = (unsigned char *)ring->page + page_size;
	ring->size = (size - page_size) / 2;
	kernel.nmaps++;
	return ring->page;
}

int __wrap_munmap(void *address, size_t size)
{
	struct kernel_ring *ring = NULL;

	if (address && address == kernel.read_ring.page)
		ring = &kernel.read_ring;
	else if (address && address == kernel.write_ring.page)
		ring = &kernel.write_ring;
	if (ring) {
		if (size != sysconf(_SC_PAGESIZE) + 2 * (size_t)ring->size)
			abort();
		memset(ring, 0, sizeof(*ring));
		kernel.nmaps--;
	}
	return __real_munmap(address, size);
}

int __wrap_setns(int fd, int type)
{
	kernel.nsetns++;
	kernel.setns_thread = gettid();
	if (fd < 0 || fd >= MAX_FDS || !is_netns[fd] || type != CLONE_NEWNET)
		return fail_with(EINVAL);
	return kernel.setns_error ? fail_with(kernel.setns_error) : 0;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
			  void *argument)
{
	if (kernel.thread_error)
		return kernel.thread_error;
	return __real_pthread_create(thread, attr, start, argument);
}

static bool alloc_fails(void)
{
	return watching_memory && kernel.alloc_countdown && !--kernel.alloc_countdown;
}

static void *count_alloc(void *block)
{
	if (watching_memory && block)
		kernel.nblocks++;
	return block;
}

void *__wrap_malloc(size_t size)
{
	return alloc_fails() ? NULL : count_alloc(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return alloc_fails() ? NULL : count_alloc(__real_calloc(n, size));
}

void *__wrap_realloc(void *block, size_t size)
{
	if (alloc_fails())
		return NULL;
	return block ? __real_realloc(block, size) : count_alloc(__real_realloc(block, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return alloc_fails() ? NULL : count_alloc(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *block)
{
	if (watching_memory && block)
		kernel.nblocks--;
	__real_free(block);
}

void kernel_watch_memory(void)
{
	watching_memory = true;
}

void kernel_unwatch_memory(void)
{
	watching_memory = false;
}

int kernel_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
