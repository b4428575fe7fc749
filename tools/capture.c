/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "capture.h"
#include "rings.h"

/* Batches of a thread: one to fill, and the others for the file's sake. */
#define NBATCHES	8

/* What a queue pair that we attach holds, in frames; bytes are the limit. */
#define READ_LIMIT	FRAMEIO_LIMIT_MAX

/* An Ethernet frame's addresses, after which a VLAN tag stands. */
#define ADDRESSES_SIZE	12
#define TAG_SIZE	4

struct capture_reader {
	struct capture *capture;
	struct capture_port *port;
	struct frameio_qp *qp;
	struct frameio_stats before;	/* counters at the start; they are the port's */
	struct capture_batch *free;	/* under the capture's lock */
	uint32_t ndraining;		/* frames that may still be read while draining */
	pthread_t thread;
};

/* --- ports -------------------------------------------------------- */

/* The first queue pair of a port; an interface that is none becomes one while it is open. */
static struct frameio_qp *open_first(const struct tool_port *name,
				     const struct capture_config *config)
{
	const struct frameio_port_config attach = {
		.name = name->name,
		.nqueues = config->nthreads,
		.read_limit = READ_LIMIT,
		.read_bytes = config->read_bytes,
	};
	struct frameio_qp *qp;
	const char *why;

	if (tool_open_port(name, &attach, &qp, &why) < 0)
		tool_die(TOOL_FAILED, "cannot open port '%s': %s", name->text, why);
	return qp;
}

static void require(const struct capture_port *port, int err)
{
	if (err)
		tool_die(TOOL_FAILED, "cannot capture from port '%s': %s", port->name.text,
			 err == -ENODEV ? "it is gone" : tool_explain(-err));
}

/* A virtual port's frames wait in its queue from now on, and are counted. */
static void add_reader(struct capture_port *port, struct frameio_qp *qp)
{
	struct capture_reader *reader;

	port->readers = tool_grow(port->readers, port->nreaders, sizeof(*port->readers));
	reader = &port->readers[port->nreaders++];
	*reader = (struct capture_reader){ .port = port, .qp = qp };
	require(port, frameio_get_stats(qp, &reader->before));
}

/* Queue pairs of one port, but no more than are free, nor than are wanted. */
static void open_queue_pairs(struct capture_port *port, const struct capture_config *config)
{
	const struct tool_port *name = &port->name;
	struct frameio_qp *qp;
	int err = 0;

	add_reader(port, open_first(name, config));
	while (!config->nthreads || port->nreaders < config->nthreads) {
		err = frameio_open(&qp, name->netns, name->name, FRAMEIO_QUEUE_ANY);
		if (err)
			break;
		add_reader(port, qp);
	}
	if (err && err != -EBUSY)
		tool_die(TOOL_FAILED, "cannot open port '%s': %s", name->text, tool_explain(-err));
}

static void set_limits(const struct capture_reader *reader, uint32_t read_bytes)
{
	int err;

	err = frameio_set_byte_limits(reader->qp, read_bytes, 0);
	if (!err)
		err = frameio_set_limits(reader->qp, READ_LIMIT, 0);
	if (err == -EPERM)
		tool_die(TOOL_FAILED, "cannot give port '%s' read queues of %u bytes: that is more "
			 "than they were given; try root, or without --buffer-size",
			 reader->port->name.text, read_bytes);
	require(reader->port, err);
}

/* Without --take, user space has a look at all that the kernel lets through. */
static void set_filter(const struct capture *capture, struct capture_reader *reader)
{
	const struct capture_config *config = &capture->config;
	struct capture_port *port = reader->port;
	const struct filter_share share = {
		.index = reader - port->readers,
		.count = port->nreaders,
		.by_cpu = port->by_cpu,
	};
	const struct filter *filter = config->expression ? &port->filter : NULL;
	int err;

	err = filter_install(filter, &share, !config->take, reader->qp);
	if (err == -EINVAL && filter && config->take)
		tool_die(TOOL_FAILED, "the filter expression is too long for the kernel, which "
			 "--take needs to decide");
	if (err == -EINVAL && filter)
		err = filter_install(NULL, &share, !config->take, reader->qp);
	require(port, err);
}

static void set_up_reader(struct capture *capture, struct capture_reader *reader)
{
	const struct capture_config *config = &capture->config;
	const struct capture_port *port = reader->port;
	const unsigned int size = rings_size(config->read_bytes ? config->read_bytes : RINGS_SIZE);
	uint32_t options = FRAMEIO_O_TRUNC;
	struct frameio_info info;
	const char *why;

	reader->capture = capture;
	if (port->nic) {
		options |= FRAMEIO_O_TSTAMP;
		options |= config->take ? 0 : FRAMEIO_O_TAP;
		options |= config->promiscuous ? FRAMEIO_O_PROMISC : 0;
		set_filter(capture, reader);
	}
	require(port, frameio_set_nonblock(reader->qp, true));
	if (config->read_bytes)
		set_limits(reader, config->read_bytes);
	if (transfer_set_up(config->way, reader->qp, options, size, 0, &why))
		tool_die(TOOL_FAILED, "cannot use port '%s': %s", port->name.text, why);
	require(port, frameio_get_info(reader->qp, &info));
	reader->ndraining = info.fi_read_limit;
	if (config->way == TRANSFER_RING)
		reader->ndraining = size / sizeof(struct frameio_hdr);
}

static void make_batches(struct capture_reader *reader, size_t frame_size)
{
	const enum transfer_way way = reader->capture->config.way;
	struct capture_batch *batch;
	unsigned int i;

	for (i = 0; i < NBATCHES; i++) {
		batch = tool_allocate(1, sizeof(*batch));
		batch->transfer = transfer_new(way, FRAMEIO_NFRAMES_MAX, frame_size);
		batch->frames = tool_allocate(transfer_most(batch->transfer),
					      sizeof(*batch->frames));
		batch->reader = reader;
		batch->next = reader->free;
		reader->free = batch;
	}
}

static void describe(struct capture *capture, struct capture_port *port)
{
	struct savefile_interface *interface = port->interface;

	/* files have UTF-8, and an interface's name may be anything */
	interface->name = tool_utf8(port->name.text);
	interface->filter = capture->config.expression;
	interface->linktype = port->l3 ? SAVEFILE_RAW : SAVEFILE_ETHERNET;
	interface->description = port->l3 ? "frameio L3 virtual port" : "frameio L2 virtual port";
	if (port->nic)
		interface->description = capture->config.take ?
			"frameio NIC port, frames taken" : "frameio NIC port, frames copied";
}

static void open_port(struct capture *capture, struct capture_port *port)
{
	const struct capture_config *config = &capture->config;
	struct frameio_info info;
	size_t frame_size = config->snaplen;
	unsigned int i;

	open_queue_pairs(port, config);
	require(port, frameio_get_info(port->readers[0].qp, &info));
	port->nic = info.fi_flags & FRAMEIO_PORT_NIC;
	port->l3 = info.fi_flags & FRAMEIO_PORT_L3;
	port->by_cpu = info.fi_flags & FRAMEIO_PORT_STEER_CPU;
	describe(capture, port);
	if (config->expression) {
		filter_compile(&port->filter, config->expression, port->interface->linktype);
		port->filtered = !port->nic || !config->take;
	}
	/* a filter looks at the frame before it is cut */
	if (port->filtered || frame_size > TOOL_FRAME_SIZE)
		frame_size = TOOL_FRAME_SIZE;
	for (i = 0; i < port->nreaders; i++) {
		set_up_reader(capture, &port->readers[i]);
		make_batches(&port->readers[i], frame_size);
	}
}

void capture_open(struct capture *capture, const struct capture_config *config,
		  const char *const *ports, unsigned int nports)
{
	unsigned int i;

	*capture = (struct capture){
		.config = *config,
		.nports = nports,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.freed = PTHREAD_COND_INITIALIZER,
	};
	capture->filled_end = &capture->filled;
	capture->filled_fd = tool_make_event();
	capture->stop_fd = tool_make_event();
	capture->ports = tool_allocate(nports, sizeof(*capture->ports));
	capture->interfaces = tool_allocate(nports, sizeof(*capture->interfaces));
	for (i = 0; i < nports; i++) {
		capture->ports[i].interface = &capture->interfaces[i];
		tool_parse_port(&capture->ports[i].name, ports[i]);
	}
	for (i = 0; i < nports; i++)
		open_port(capture, &capture->ports[i]);
}

/* --- what a thread does with frames ------------------------------- */

/*
 * Put a tag that is beside the frame into it again, over the end of its header, of
 * which nothing more is needed.
 */
static void restore_tag(struct savefile_frame *frame, const struct frameio_hdr *hdr)
{
	const uint16_t proto = hdr->vlan_proto, tci = hdr->vlan_tci;
	const unsigned char tag[TAG_SIZE] = { proto >> 8, proto, tci >> 8, tci };
	unsigned char *bytes = frameio_hdr_frame(hdr);

	frame->wirelen += TAG_SIZE;
	if (frame->len < ADDRESSES_SIZE)
		return;
	memmove(bytes - TAG_SIZE, bytes, ADDRESSES_SIZE);
	memcpy(bytes - TAG_SIZE + ADDRESSES_SIZE, tag, TAG_SIZE);
	frame->bytes = bytes - TAG_SIZE;
	frame->len += TAG_SIZE;
}

/* A record as the file will have it. Return: false if it is not wanted. */
static bool make_frame(const struct capture_reader *reader, struct savefile_frame *frame,
		       const struct frameio_hdr *hdr, uint64_t now)
{
	const struct capture_port *port = reader->port;
	const uint32_t snaplen = reader->capture->config.snaplen;
	const bool stamped = hdr->flags & (FRAMEIO_F_TSTAMP_SW | FRAMEIO_F_TSTAMP_HW);

	*frame = (struct savefile_frame){
		.interface = port->interface - reader->capture->interfaces,
		.bytes = frameio_hdr_frame(hdr),
		.len = hdr->len,
		.wirelen = hdr->wirelen,
		.time = stamped ? hdr->tstamp : now,
		.queue = hdr->queue,
		.direction = port->nic ? SAVEFILE_INBOUND : SAVEFILE_OUTBOUND,
	};
	if (hdr->flags & FRAMEIO_F_VLAN)
		restore_tag(frame, hdr);
	if (port->filtered && !filter_matches(&port->filter, frame))
		return false;
	if (frame->len > snaplen)
		frame->len = snaplen;
	return true;
}

/* Of all groups of what was read, the first of which has @n frames. Return: how many there are. */
static unsigned int make_frames(const struct capture_reader *reader, struct capture_batch *batch,
				int n)
{
	const uint64_t now = tool_clock(CLOCK_REALTIME);
	unsigned int total = 0;
	int i;

	batch->count = 0;
	for (; n > 0; n = transfer_next(batch->transfer)) {
		for (i = 0; i < n; i++)
			batch->count += make_frame(reader, &batch->frames[batch->count],
						   transfer_hdr(batch->transfer, i), now);
		total += n;
	}
	return total;
}

/* --- batches between the threads ---------------------------------- */

/* An empty batch, which may take a while; NULL: nothing more is to be read. */
static struct capture_batch *get_free(struct capture_reader *reader)
{
	struct capture *capture = reader->capture;
	struct capture_batch *batch = NULL;

	pthread_mutex_lock(&capture->lock);
	while (!reader->free && capture->state != CAPTURE_ABANDONED)
		pthread_cond_wait(&capture->freed, &capture->lock);
	if (capture->state == CAPTURE_RUNNING ||
	    (capture->state == CAPTURE_DRAINING && reader->ndraining)) {
		batch = reader->free;
		reader->free = batch->next;
	}
	pthread_mutex_unlock(&capture->lock);
	return batch;
}

static void put_free(struct capture *capture, struct capture_batch *batch)
{
	pthread_mutex_lock(&capture->lock);
	batch->next = batch->reader->free;
	batch->reader->free = batch;
	pthread_cond_broadcast(&capture->freed);
	pthread_mutex_unlock(&capture->lock);
}

static void put_filled(struct capture *capture, struct capture_batch *batch)
{
	bool was_empty;

	pthread_mutex_lock(&capture->lock);
	was_empty = !capture->filled;
	batch->next = NULL;
	*capture->filled_end = batch;
	capture->filled_end = &batch->next;
	pthread_mutex_unlock(&capture->lock);
	if (was_empty)
		tool_signal_event(capture->filled_fd);
}

/* What is read while draining counts against what may be. */
static void count_drained(struct capture_reader *reader, unsigned int n)
{
	struct capture *capture = reader->capture;

	pthread_mutex_lock(&capture->lock);
	if (capture->state == CAPTURE_DRAINING)
		reader->ndraining -= n < reader->ndraining ? n : reader->ndraining;
	pthread_mutex_unlock(&capture->lock);
}

/* --- threads ------------------------------------------------------ */

static bool is_stopping(struct capture *capture)
{
	bool stopping;

	pthread_mutex_lock(&capture->lock);
	stopping = capture->state != CAPTURE_RUNNING;
	pthread_mutex_unlock(&capture->lock);
	return stopping;
}

/* Until there are frames, or the capture is being stopped. */
static void wait_for_frames(const struct capture_reader *reader)
{
	struct pollfd fds[] = {
		{ .fd = frameio_fd(reader->qp), .events = POLLIN },
		{ .fd = reader->capture->stop_fd, .events = POLLIN },
	};

	poll(fds, 2, -1);
}

/* Read a batch. Return: 0; -EAGAIN, nothing is there; another negative errno. */
static int read_batch(struct capture_reader *reader, struct capture_batch *batch)
{
	int n = transfer_read(batch->transfer, reader->qp);

	if (n > 0)
		count_drained(reader, make_frames(reader, batch, n));
	if (n > 0 && batch->count)
		put_filled(reader->capture, batch);
	else
		put_free(reader->capture, batch);
	return n > 0 || n == -EINTR ? 0 : n;
}

static void complain(const struct capture_reader *reader, int err)
{
	if (err == -ENODEV)
		tool_warn("port '%s' is gone", reader->port->name.text);
	else
		tool_warn("cannot read from port '%s': %s", reader->port->name.text,
			  tool_explain(-err));
}

static void *read_frames(void *argument)
{
	struct capture_reader *reader = argument;
	struct capture *capture = reader->capture;
	struct capture_batch *batch;
	bool stopping;
	int err = 0;

	while (!err) {
		/* before the queue is found to be empty, so that what was there then is read */
		stopping = is_stopping(capture);
		batch = get_free(reader);
		if (!batch)
			break;
		err = read_batch(reader, batch);
		if (err == -EAGAIN && !stopping) {
			wait_for_frames(reader);
			err = 0;
		}
	}
	if (err == -EAGAIN)
		err = 0;
	/* one of several threads speaks for the port */
	if (err && reader == reader->port->readers)
		complain(reader, err);
	pthread_mutex_lock(&capture->lock);
	capture->failed = capture->failed || err;
	capture->nrunning--;
	pthread_mutex_unlock(&capture->lock);
	tool_signal_event(capture->filled_fd);
	return NULL;
}

void capture_start(struct capture *capture)
{
	struct capture_reader *reader;
	unsigned int i, j;
	int err;

	/* nothing is taken before; and when all is known, to all at nearly the same time */
	for (i = 0; i < capture->nports; i++) {
		for (j = 0; j < capture->ports[i].nreaders; j++, capture->nrunning++)
			frameio_wait(capture->ports[i].readers[j].qp, POLLIN, 0);
	}
	for (i = 0; i < capture->nports; i++) {
		for (j = 0; j < capture->ports[i].nreaders; j++) {
			reader = &capture->ports[i].readers[j];
			err = pthread_create(&reader->thread, NULL, read_frames, reader);
			if (err)
				tool_die(TOOL_FAILED, "cannot start a thread: %s", strerror(err));
		}
	}
}

/* --- the main thread's side --------------------------------------- */

int capture_fd(const struct capture *capture)
{
	return capture->filled_fd;
}

struct capture_batch *capture_next(struct capture *capture)
{
	struct capture_batch *batch;
	eventfd_t count;

	pthread_mutex_lock(&capture->lock);
	batch = capture->filled;
	if (batch) {
		capture->filled = batch->next;
		if (!capture->filled)
			capture->filled_end = &capture->filled;
	} else if (eventfd_read(capture->filled_fd, &count) && errno != EAGAIN) {
		tool_die(TOOL_FAILED, "cannot read from an eventfd: %s", strerror(errno));
	}
	pthread_mutex_unlock(&capture->lock);
	return batch;
}

void capture_release(struct capture *capture, struct capture_batch *batch)
{
	put_free(capture, batch);
}

void capture_stop(struct capture *capture, enum capture_state state)
{
	bool changed;

	pthread_mutex_lock(&capture->lock);
	changed = state > capture->state;
	if (changed)
		capture->state = state;
	pthread_cond_broadcast(&capture->freed);
	pthread_mutex_unlock(&capture->lock);
	if (changed)
		tool_signal_event(capture->stop_fd);
}

bool capture_is_running(struct capture *capture)
{
	bool running;

	pthread_mutex_lock(&capture->lock);
	running = capture->nrunning || capture->filled;
	pthread_mutex_unlock(&capture->lock);
	return running;
}

void capture_count(struct capture *capture)
{
	const struct capture_reader *reader;
	struct frameio_stats now;
	struct capture_port *port;
	uint64_t queued;
	unsigned int i, j;

	for (i = 0; i < capture->nports; i++) {
		port = &capture->ports[i];
		queued = 0;
		port->dropped_full = 0;
		port->dropped_nomem = 0;
		for (j = 0; j < port->nreaders; j++) {
			reader = &port->readers[j];
			require(port, frameio_get_stats(reader->qp, &now));
			queued += now.fs_read_queued - reader->before.fs_read_queued;
			port->dropped_full += now.fs_read_drop_full -
					      reader->before.fs_read_drop_full;
			port->dropped_nomem += now.fs_read_drop_nomem -
					       reader->before.fs_read_drop_nomem;
		}
		port->interface->dropped = port->dropped_full + port->dropped_nomem;
		port->interface->received = queued + port->interface->dropped;
	}
}

static void free_batches(struct capture_batch *batch)
{
	struct capture_batch *next;

	for (; batch; batch = next) {
		next = batch->next;
		transfer_free(batch->transfer);
		free(batch->frames);
		free(batch);
	}
}

void capture_close(struct capture *capture)
{
	struct capture_port *port;
	unsigned int i, j;

	for (i = 0; i < capture->nports; i++) {
		port = &capture->ports[i];
		for (j = 0; j < port->nreaders; j++) {
			pthread_join(port->readers[j].thread, NULL);
			free_batches(port->readers[j].free);
			frameio_close(port->readers[j].qp);
		}
		free(port->readers);
		free(port->interface->name);
		if (capture->config.expression)
			filter_free(&port->filter);
	}
	free_batches(capture->filled);
	close(capture->filled_fd);
	close(capture->stop_fd);
	free(capture->ports);
	free(capture->interfaces);
}
