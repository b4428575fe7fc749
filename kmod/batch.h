/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Batches of records between a queue pair and user memory.
 */
#ifndef _FRAMEIO_BATCH_H
#define _FRAMEIO_BATCH_H

#include "port.h"
#include "slot.h"

/**
 * struct frameio_call - how a call wants to be served
 * @mode: what to count it as
 * @nonblock: do not wait for frames or room: O_NONBLOCK
 * @nowait: do not sleep for anything: RWF_NOWAIT, io_uring; @nonblock is set too
 * @trunc: cut a frame that does not fit: FRAMEIO_O_TRUNC
 */
struct frameio_call {
	enum frameio_mode mode;
	bool nonblock;
	bool nowait;
	bool trunc;
};

void frameio_batch_take(struct frameio_qp *qp, u32 done, u32 done_bytes);
void frameio_batch_settle(struct frameio_qp *qp);
ssize_t frameio_batch_read(struct frameio_qp *qp, struct frameio_slots *slots,
			   const struct frameio_call *call);
ssize_t frameio_batch_write(struct frameio_qp *qp, struct frameio_slots *slots,
			    const struct frameio_call *call);

#endif /* _FRAMEIO_BATCH_H */
