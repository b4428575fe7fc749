/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * libframeio - batched frame I/O for programs: see libframeio(3).
 *
 * Functions that can fail return a negative errno value. A handle or a batch
 * may be used by several threads only where that is said; different handles
 * and batches are independent of each other.
 */
#ifndef LIBFRAMEIO_H
#define LIBFRAMEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <frameio/frameio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A queue pair of a port, open: what frames are read from and written to. */
struct frameio_qp;

/** Up to FRAMEIO_NFRAMES_MAX records, with memory of its own for each. */
struct frameio_batch;

/* --- ports: frameio_open(3) ------------------------------------------------ */

/**
 * struct frameio_port_config - what a virtual port shall be; zero means the default
 * @name: the interface's name, or a template such as "fio%d"; NULL is that
 * @flags: FRAMEIO_PORT_*
 * @nqueues: queue pairs, 1 to FRAMEIO_NQUEUES_MAX; 0: 1
 * @read_limit: frames that each read queue holds, up to FRAMEIO_LIMIT_MAX
 * @write_limit: frames that each write queue holds, likewise
 * @read_bytes: bytes of memory that each read queue holds, up to FRAMEIO_BYTES_MAX
 * @write_bytes: bytes of memory that each write queue holds, likewise
 * @owner: uid that may open the port, with FRAMEIO_PORT_OWNER
 * @group: gid that may, with FRAMEIO_PORT_GROUP
 */
struct frameio_port_config {
	const char *name;
	unsigned int flags;
	unsigned int nqueues;
	unsigned int read_limit;
	unsigned int write_limit;
	unsigned int read_bytes;
	unsigned int write_bytes;
	uid_t owner;
	gid_t group;
};

/**
 * frameio_create() - make a virtual port and open its queue pair 0
 * @qp: out: the queue pair; frameio_close() it
 * @netns: the network namespace to make it in: a name that ip-netns(8) knows,
 *	or a path with a slash in it; NULL: the calling thread's own
 * @config: what it shall be; NULL: all defaults
 *
 * The port goes away with @qp, unless FRAMEIO_PORT_PERSIST is among its flags.
 *
 * Return: 0; -EPERM without CAP_NET_ADMIN; -EEXIST, the name is taken; -EINVAL,
 * a name or number that cannot be; -ENOENT, the module is not loaded, or there
 * is no such namespace; another error of open(2), setns(2) or FRAMEIO_CREATE.
 */
int frameio_create(struct frameio_qp **qp, const char *netns,
		   const struct frameio_port_config *config);

/**
 * frameio_attach() - make an existing interface a NIC port and open its queue pair 0
 * @qp: out: the queue pair; frameio_close() it
 * @netns: the network namespace that the interface is in, as for frameio_create()
 * @config: which interface, by @name, and how; of its flags FRAMEIO_PORT_PERSIST, _OWNER,
 *	_GROUP and _STEER_CPU
 *
 * The interface is let go with @qp, unless FRAMEIO_PORT_PERSIST is among the flags;
 * frameio_delete() lets it go, too.
 *
 * Return: 0; -EPERM without CAP_NET_ADMIN; -ENODEV, no such interface; -EOPNOTSUPP, it is
 * a virtual port or no Ethernet interface; -EBUSY, a bridge, a bond or the like, or
 * frameio takes what it receives already; -EINVAL, a name or number that cannot be;
 * others as for frameio_create().
 */
int frameio_attach(struct frameio_qp **qp, const char *netns,
		   const struct frameio_port_config *config);

/**
 * frameio_open() - open a queue pair of a port that exists
 * @qp: out: the queue pair; frameio_close() it
 * @netns: where the port is, as for frameio_create()
 * @name: the interface's name
 * @queue: which queue pair, or FRAMEIO_QUEUE_ANY: the first that is free
 *
 * Return: 0; -ENODEV, no such interface; -EOPNOTSUPP, it is no port; -EACCES;
 * -EBUSY, no queue pair is free; -EINVAL, it has no such queue pair or the name
 * cannot be; -ENOENT and others as for frameio_create().
 */
int frameio_open(struct frameio_qp **qp, const char *netns, const char *name, unsigned int queue);

/**
 * frameio_close() - close a queue pair; frames waiting to be read are dropped
 * @qp: the queue pair, which no other thread may be using; NULL does nothing
 */
void frameio_close(struct frameio_qp *qp);

/**
 * frameio_delete() - delete a virtual port, or let a NIC port's interface go, whoever uses it
 * @netns: where it is, as for frameio_create()
 * @name: the interface's name
 *
 * Return: 0; -EPERM, -ENODEV, -EOPNOTSUPP, -EINVAL; others as frameio_create().
 */
int frameio_delete(const char *netns, const char *name);

/**
 * frameio_list() - the ports of a network namespace
 * @netns: which, as for frameio_create()
 * @ports: out: an array, which the caller free()s; NULL if there are none
 *
 * Return: how many, or a negative errno: -EBADMSG, more than there can be; others
 * as for frameio_create().
 */
int frameio_list(const char *netns, struct frameio_info **ports);

/**
 * frameio_get_queue_pair() - what a queue pair of any port is doing, and its counters
 * @netns: where the port is, as for frameio_create()
 * @name: the interface's name
 * @queue: which queue pair
 * @pair: out
 *
 * Return: 0; -ENODEV, no such interface; -EOPNOTSUPP, it is no port; -EINVAL, it has no
 * such queue pair or the name cannot be; others as for frameio_create().
 */
int frameio_get_queue_pair(const char *netns, const char *name, unsigned int queue,
			   struct frameio_queue_pair *pair);

/* --- a queue pair's settings: frameio_fd(3). Any thread may call these. ------ */

/** The file descriptor, for poll(2), epoll(7) and the like; it stays @qp's. */
int frameio_fd(const struct frameio_qp *qp);

/**
 * frameio_wait() - wait until frames can be moved
 * @qp: the queue pair
 * @events: POLLIN, POLLOUT or both
 * @timeout_ms: milliseconds; 0: only look; -1: as long as it takes
 *
 * Return: the events that are there, 0 after the time, -ENODEV if the port is
 * gone, -EIO if a ring is broken, -EINTR if a signal came first.
 */
int frameio_wait(struct frameio_qp *qp, int events, int timeout_ms);

/**
 * frameio_set_nonblock() - choose what calls do that cannot move anything now
 * @qp: the queue pair
 * @nonblock: true: they return -EAGAIN; false, as at first: they wait
 *
 * Return: 0 or a negative errno.
 */
int frameio_set_nonblock(struct frameio_qp *qp, bool nonblock);

/** Set FRAMEIO_O_* options. Return: 0; -EINVAL for one that the kernel does not know. */
int frameio_set_options(struct frameio_qp *qp, uint32_t options);

/**
 * Set how many frames the queues hold; 0 leaves one as it is. Return: 0, -EINVAL, or
 * -EPERM above what the port was given.
 */
int frameio_set_limits(struct frameio_qp *qp, unsigned int read_limit, unsigned int write_limit);

/** Set how many bytes of memory the queues hold, as the kernel accounts it; likewise. */
int frameio_set_byte_limits(struct frameio_qp *qp, unsigned int read_bytes,
			    unsigned int write_bytes);

struct sock_filter;	/* of <linux/filter.h>; struct bpf_insn of <pcap/bpf.h> is laid out alike */

/**
 * frameio_set_filter() - choose which frames a queue pair of a NIC port takes
 * @qp: the queue pair
 * @insns: a classic BPF program, as SO_ATTACH_FILTER has it: it sees the frame from its
 *	first byte; 0 lets it go on to the stack, another value takes it
 * @n: instructions of it, up to 4096; 0: all frames, as at first
 *
 * Nothing is taken before the first call that reads or waits for POLLIN, so that a filter
 * set before that sees every frame.
 *
 * Return: 0; -EINVAL, the kernel does not accept the program; -EOPNOTSUPP, it is no NIC
 * port; -ENOMEM.
 */
int frameio_set_filter(struct frameio_qp *qp, const struct sock_filter *insns, unsigned int n);

/** Get what the port is. Return: 0, or -ENODEV if it is gone. */
int frameio_get_info(struct frameio_qp *qp, struct frameio_info *info);

/** Get the queue pair's counters. Return: 0 or a negative errno. */
int frameio_get_stats(struct frameio_qp *qp, struct frameio_stats *stats);

/* --- one frame: frameio_recv(3). Any thread may call these. ------------------ */

/**
 * frameio_recv() - read one frame
 * @qp: the queue pair
 * @hdr: out: its header; may be NULL
 * @frame: out: the frame
 * @size: room there, in bytes
 *
 * Return: bytes of frame; -EAGAIN, -EINTR, -ENODEV; -EMSGSIZE, and the frame is
 * still there; -EFAULT; -EBADMSG, what the kernel reported cannot be; as all calls that
 * move frames, -EIO if the ring that they use is broken.
 */
ssize_t frameio_recv(struct frameio_qp *qp, struct frameio_hdr *hdr, void *frame, size_t size);

/**
 * frameio_send() - write one frame
 * @qp: the queue pair
 * @frame: the frame
 * @len: its length in bytes
 *
 * Return: 0; -EINVAL, the port does not take such a frame; -EAGAIN, -EINTR,
 * -ENETDOWN, -ENODEV, -ENOMEM, -EFAULT.
 */
int frameio_send(struct frameio_qp *qp, const void *frame, size_t len);

/* --- batches: frameio_batch(3). One thread at a time uses a batch. ------------ */

/**
 * frameio_batch_alloc() - make an empty batch
 * @batch: out: the batch; frameio_batch_free() it
 * @nframes: records it has room for, 1 to FRAMEIO_NFRAMES_MAX
 * @frame_size: bytes of the longest frame it takes, at least 1
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int frameio_batch_alloc(struct frameio_batch **batch, unsigned int nframes, size_t frame_size);

/** Free a batch; NULL does nothing. */
void frameio_batch_free(struct frameio_batch *batch);

/** How many records are in it. */
unsigned int frameio_batch_count(const struct frameio_batch *batch);

/** How many more it has room for. */
unsigned int frameio_batch_room(const struct frameio_batch *batch);

/**
 * frameio_batch_hdr() - the header of a record; the frame follows: frameio_hdr_frame()
 * @batch: the batch
 * @i: which, less than frameio_batch_count()
 *
 * Return: memory of the batch, good until the batch is changed. NULL if there
 * is no such record.
 */
struct frameio_hdr *frameio_batch_hdr(const struct frameio_batch *batch, unsigned int i);

/** Forget all records. */
void frameio_batch_clear(struct frameio_batch *batch);

/**
 * frameio_batch_reserve() - append a record whose frame is still to be filled in
 * @batch: the batch
 * @len: bytes of frame, 1 to the batch's frame size
 *
 * Return: where to put the frame, or NULL: there is no room for it.
 */
void *frameio_batch_reserve(struct frameio_batch *batch, size_t len);

/**
 * frameio_batch_append() - append a record with a copy of a frame
 * @batch: the batch
 * @frame: the frame
 * @len: its length in bytes
 *
 * Return: 0; -ENOBUFS, the batch is full; -EMSGSIZE, longer than its frame
 * size; -EINVAL, @len is 0.
 */
int frameio_batch_append(struct frameio_batch *batch, const void *frame, size_t len);

/**
 * frameio_batch_read() - read as many frames as wait and fit, in one call
 * @batch: the batch; what it held is forgotten
 * @qp: the queue pair
 *
 * Return: how many, at least 1; -EAGAIN, -EINTR, -ENODEV; -EMSGSIZE, the first
 * frame is longer than the batch's frame size, and still there; -EBADMSG, what
 * the kernel reported cannot be.
 */
int frameio_batch_read(struct frameio_batch *batch, struct frameio_qp *qp);

/**
 * frameio_batch_write() - write the batch's frames, in one call
 * @batch: the batch; what was accepted leaves it, the rest moves up
 * @qp: the queue pair
 *
 * Records may be written as they were read, from whatever port.
 *
 * Return: how many were accepted, at least 1, or 0 if the batch is empty;
 * -EINVAL, the port does not take the first frame; -EAGAIN, -EINTR, -ENETDOWN,
 * -ENODEV, -ENOMEM, -EBADMSG. After an error the batch is as it was.
 */
int frameio_batch_write(struct frameio_batch *batch, struct frameio_qp *qp);

/**
 * frameio_batch_write_some() - write some of the batch's frames, in one call
 * @batch: the batch, which keeps them
 * @records: which: bit i is for record i, and those of records it does not have mean nothing
 * @qp: the queue pair
 *
 * So the frames of one batch can go to different ports, and one frame to several, without
 * being copied before. Threads may do this with one batch at the same time.
 *
 * Return: how many were accepted, at least 1, the first so many of @records; 0 if those
 * are none; or an error as of frameio_batch_write(), about the first of @records.
 */
int frameio_batch_write_some(const struct frameio_batch *batch, uint32_t records,
			     struct frameio_qp *qp);

/** Drop the first @n records, such as one that a port did not take. */
void frameio_batch_drop(struct frameio_batch *batch, unsigned int n);

/* --- rings: frameio_ring(3). One thread at a time uses a direction in place. -- */

/**
 * struct frameio_ring_options - what rings a queue pair shall have; zero means the default
 * @read_size: bytes of the read ring, a power of two from FRAMEIO_RING_SIZE_MIN (and a page)
 *	to FRAMEIO_RING_SIZE_MAX; 0: none, and frames are read by system calls
 * @write_size: likewise of the write ring
 * @flags: FRAMEIO_SETUP_*: a kernel thread looks at the write ring, on a certain CPU
 * @idle_us: microseconds without a frame until this thread sleeps
 * @cpu: which CPU, with FRAMEIO_SETUP_CPU
 */
struct frameio_ring_options {
	unsigned int read_size;
	unsigned int write_size;
	unsigned int flags;
	unsigned int idle_us;
	unsigned int cpu;
};

/**
 * frameio_ring_setup() - move a queue pair's frames through memory shared with the kernel
 * @qp: the queue pair, which no other thread may be using; once in its life
 * @options: which rings
 *
 * From then on all calls that move frames do so through the rings, those of one frame and of
 * a batch as well, and make a system call only to sleep or to wake the kernel.
 *
 * Return: 0; -EINVAL, a size or another option that cannot be; -EBUSY, it has rings; -ENOMEM,
 * no memory, or more than RLIMIT_MEMLOCK allows; -EPERM, larger than the port was given;
 * -ENODEV; -EBADMSG, what the kernel reported cannot be; another error of mmap(2). If it was
 * mmap(2) that failed, or with -EBADMSG, the kernel has the rings, and @qp can only be closed.
 */
int frameio_ring_setup(struct frameio_qp *qp, const struct frameio_ring_options *options);

/**
 * frameio_ring_peek() - the next record, where it is
 * @qp: the queue pair
 * @hdr: out: its header; the frame follows: frameio_hdr_frame(). The program's to change
 *	until it is given back by frameio_ring_release(), or any other call that reads.
 *
 * Each call goes on to the record behind. Never waits; once it has returned 0 the kernel
 * will wake whoever waits for POLLIN, even for its edge only.
 *
 * Return: 1; 0, there is none; -ENODEV; -EIO, the ring is broken; -EBADMSG, what is there
 * is no record; -EINVAL, there is no read ring.
 */
int frameio_ring_peek(struct frameio_qp *qp, struct frameio_hdr **hdr);

/**
 * frameio_ring_peek_batch() - the next records, likewise
 * @qp: the queue pair
 * @hdrs: out: their headers
 * @n: up to how many, at least 1
 *
 * Return: how many; 0 and errors as frameio_ring_peek().
 */
int frameio_ring_peek_batch(struct frameio_qp *qp, struct frameio_hdr **hdrs, unsigned int n);

/**
 * frameio_ring_release() - give back records that were peeked at
 * @qp: the queue pair
 * @until: the first one to keep, which is then the next to be peeked at; NULL: none
 *
 * Once for many records: it is here that the kernel gets their room.
 *
 * Return: 0; -EINVAL, @until is none of them, or there is no read ring.
 */
int frameio_ring_release(struct frameio_qp *qp, const struct frameio_hdr *until);

/**
 * frameio_ring_drain() - have a function take each record, and give them back
 * @qp: the queue pair
 * @take: returns 0 if it took the record, anything else to stop before it
 * @argument: for it
 * @max: up to how many; 0: as many as there are
 *
 * Never waits. @take must not read from @qp.
 *
 * Return: how many were taken; 0 and errors as frameio_ring_peek().
 */
int frameio_ring_drain(struct frameio_qp *qp, int (*take)(struct frameio_hdr *hdr, void *argument),
		       void *argument, unsigned int max);

/**
 * frameio_ring_reserve() - a record in the write ring, whose frame is still to be filled in
 * @qp: the queue pair
 * @len: bytes of frame, up to half of the ring with the header
 * @hdr: out: its header, filled in for a plain frame; the frame goes to frameio_hdr_frame()
 *
 * Several may be reserved at once. Never waits; once it has returned -EAGAIN, which flushes
 * what is committed, the kernel will wake whoever waits for POLLOUT, even for its edge only.
 *
 * Return: 0; -EAGAIN, there is no room now; -EMSGSIZE, there never is; -ENETDOWN, there is
 * none and the interface is down; -EINVAL, @len is 0 or there is no write ring; -ENODEV;
 * -EIO, a ring is broken; -EBADMSG.
 */
int frameio_ring_reserve(struct frameio_qp *qp, size_t len, struct frameio_hdr **hdr);

/**
 * frameio_ring_commit() - the record reserved first is complete
 * @qp: the queue pair
 * @len: bytes of its frame; with others reserved behind it no fewer than fill the same
 *	multiple of FRAMEIO_RECORD_ALIGN
 *
 * Return: 0; -EINVAL, @len is 0 or more than was reserved, nothing is reserved, or the
 * header is not as it was.
 */
int frameio_ring_commit(struct frameio_qp *qp, size_t len);

/** Forget all records that are reserved and not committed. */
void frameio_ring_cancel(struct frameio_qp *qp);

/**
 * frameio_ring_append() - reserve a record, copy a frame into it, and commit it
 * @qp: the queue pair
 * @frame: the frame
 * @len: its length in bytes
 *
 * Return: as frameio_ring_reserve(); -EINVAL also if records are reserved.
 */
int frameio_ring_append(struct frameio_qp *qp, const void *frame, size_t len);

/**
 * frameio_ring_flush() - let the kernel have the records that are committed
 * @qp: the queue pair
 *
 * Once for many records: it is a system call only where nobody looks at the ring.
 *
 * Return: 0; -ENETDOWN, they wait until the interface is up; -ENODEV; -EIO, a ring is
 * broken; -EINVAL, there is no write ring.
 */
int frameio_ring_flush(struct frameio_qp *qp);

/** Bytes of records that are committed and that the kernel has not taken yet. */
size_t frameio_ring_pending(const struct frameio_qp *qp);

/**
 * frameio_kick() - have the kernel look at the rings, which the other calls do where needed
 * @qp: the queue pair
 *
 * Return: 0; -EINVAL, it has no rings; -EIO, one is broken; -ENETDOWN, records wait and the
 * interface is down; -ENODEV.
 */
int frameio_kick(struct frameio_qp *qp);

/* --- records: frameio_records(3) --------------------------------------------- */

/** The frame of a record. */
static inline void *frameio_hdr_frame(const struct frameio_hdr *hdr)
{
	return (char *)hdr + hdr->hdrlen;
}

/**
 * struct frameio_records - a walk over a row of records, as in a packed buffer
 *
 * Nothing in the row is trusted: what is returned lies inside it.
 */
struct frameio_records {
	const unsigned char *next;
	const unsigned char *end;
};

/**
 * frameio_records_init() - start a walk
 * @records: the walk
 * @row: the first record, aligned to FRAMEIO_RECORD_ALIGN bytes
 * @size: bytes of the row
 */
void frameio_records_init(struct frameio_records *records, const void *row, size_t size);

/**
 * frameio_records_next() - the next record
 * @records: the walk
 * @hdr: out: its header; the frame at frameio_hdr_frame() is wholly in the row
 *
 * Return: 1; 0 at the end; -EBADMSG, what follows is no record.
 */
int frameio_records_next(struct frameio_records *records, const struct frameio_hdr **hdr);

/**
 * frameio_records_append() - append a record with a copy of a frame to a row
 * @row: the row, aligned to FRAMEIO_RECORD_ALIGN bytes
 * @room: bytes of memory there
 * @size: in and out: bytes of the row; 0 begins one
 * @frame: the frame
 * @len: its length in bytes
 *
 * What is between the row's last record and this one is zeroed. With FRAMEIO_O_PACKED a
 * row can be written by one write(2).
 *
 * Return: 0; -ENOBUFS, there is no room left for it; -EMSGSIZE, nor would there be in an
 * empty row; -EINVAL, @len is 0, @row is not aligned, or @size is more than @room.
 */
int frameio_records_append(void *row, size_t room, size_t *size, const void *frame, size_t len);

/** The library's version, such as "0.1.0". */
const char *frameio_version(void);

#ifdef __cplusplus
}
#endif

#endif /* LIBFRAMEIO_H */
