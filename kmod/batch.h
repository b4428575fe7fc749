/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Batches of records between a queue pair and user memory.
 */
#ifndef _FRAMEIO_BATCH_H
#define _FRAMEIO_BATCH_H

#include <linux/uio.h>

#include "port.h"

/**
 * struct frameio_slots - the user memory of one call: a row of slots, a record in each
 * @iter: of the read and write calls: each of its vectors is a slot; or NULL
 * @vecs: of the ioctls: each @nvpf of them are a slot
 * @nvpf: vectors per slot
 * @n: number of slots
 * @next: the next slot to use
 * @used: for each slot of the ioctls that was used, the bytes moved
 */
struct frameio_slots {
	struct iov_iter *iter;
	const struct framevec *vecs;
	u32 nvpf;
	u32 n;
	u32 next;
	u32 used[FRAMEIO_NFRAMES_MAX];
};

/* How a call wants to be served. */
struct frameio_call {
	enum frameio_mode mode;
	bool nonblock;
	bool trunc;
};

ssize_t frameio_batch_read(struct frameio_qp *qp, struct frameio_slots *slots,
			   const struct frameio_call *call);
ssize_t frameio_batch_write(struct frameio_qp *qp, struct frameio_slots *slots,
			    const struct frameio_call *call);

#endif /* _FRAMEIO_BATCH_H */
