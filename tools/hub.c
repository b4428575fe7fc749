/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The way of a frame
 *
 * A worker is a thread that has a lane at each port: a queue pair, and a batch that
 * frames are read into. It reads a batch, decides for each frame in which lanes it goes
 * out, and then writes to each of these lanes, in one call, the frames that are for it,
 * all from the memory they were read into. So a frame is copied once in and once for
 * each port that it goes out of, which the kernel does, and never here, unless a row is
 * to be written of which some other frames were a part; and the frames of one port for
 * another stay in order. Workers share nothing but the table of
 * stations and the counters' readers, and a frame never changes its worker.
 *
 *	port a		port b		port c
 *	 lane 0		 lane 0		 lane 0		worker 0
 *	 lane 1		 lane 1		 lane 1		worker 1
 *
 * A port that is full
 *
 * A write queue is the bounded buffer of its port, which the administrator sizes; there
 * is none here. When it is full, the batch that has frames for it is held, and nothing
 * more is read from where that came: its read queue then holds the senders back, and
 * nothing is lost. But frames for other ports wait behind those, too. In a pipe there
 * are none, and it waits for ever. In a switch a port that takes nothing must not stop
 * all others: after a time it counts as congested, and what is for it is dropped and
 * counted, at once, until it tells that it has room again, which is when half of its
 * queue is free. So a port that is only slow slows down those who send to it, and one
 * that is stuck costs the others that time, once. Flooded frames are no exception:
 * mostly they ask who has an address, and what they would overtake is the answer. Where
 * the kernel has no memory for a frame, its port counts as full, and is tried again soon:
 * poll(2) tells of the queue only.
 *
 * A port that goes
 *
 * Its lanes are closed, its stations forgotten, and what is for it is dropped and
 * counted. Once a second each worker looks whether it is there again. Nothing tells that
 * better: a netlink socket that listens in a network namespace keeps it from ending, and
 * a namespace may itself come back under its name. An interface that was detached by
 * somebody, and has not gone, is left to them.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub.h"
#include "rings.h"

/* Batches that one lane moves before the next has its turn. */
#define TURN		16

/* How often a port that is gone, or full for ever, is tried again. */
#define RETRY_MS	1000

/* And how often one that the kernel had no memory for. */
#define NOMEM_RETRY_MS	10

enum lane_state {
	LANE_OPEN,
	LANE_FULL,	/* what is for it waits */
	LANE_CONGESTED,	/* what is for it is dropped, until it has room again */
};

/* A worker's part of a port. */
struct lane {
	struct worker *worker;
	unsigned int port;
	struct frameio_qp *qp;	/* NULL: the port is gone */
	_Atomic bool there;	/* the same for others than the worker */
	struct transfer *transfer;
	uint32_t *held;		/* for each port: which of the group it has not accepted yet */
	bool holding;		/* one of these is not 0 */
	enum lane_state state;
	uint64_t full_since;	/* since when it has taken nothing; 0: it has */
	uint64_t nomem_until;	/* POLLOUT tells nothing before; 0: it does */
	bool down;		/* when it was used last */
	bool l3;
	unsigned int ifindex;	/* that it had last; 0: it has gone since */
	bool attached;		/* by us */
	bool detached;		/* by somebody; the interface is there still */
	_Atomic uint64_t counters[HUB_NCOUNTERS];
};

struct worker {
	struct hub *hub;
	unsigned int index;
	pthread_t thread;
	uint64_t now, retry_at;
	struct lane *lanes;
	struct pollfd *fds;	/* of each lane, and the last one to stop */
};

struct hub {
	struct hub_settings settings;
	const struct tool_port *ports;
	unsigned int nports;
	bool l3;
	struct stations *stations;
	_Atomic(const char *) *told;	/* of each port, last */
	int stop_fd, ended_fd;	/* can be read once that is so */
	_Atomic bool ended;
	struct worker workers[];
};

uint64_t hub_now_ms(void)
{
	return tool_clock(CLOCK_MONOTONIC) / 1000000;
}

/* --- counting and telling -------------------------------------------- */

/* Only its worker counts in a lane. */
static void count(struct lane *lane, enum hub_counter counter, uint64_t n)
{
	tool_count(&lane->counters[counter], n);
}

static unsigned int number_of(uint32_t records)
{
	return __builtin_popcount(records);
}

static uint64_t bytes_of(const struct transfer *transfer, uint32_t records)
{
	uint64_t bytes = 0;

	for (; records; records &= records - 1)
		bytes += transfer_hdr(transfer, __builtin_ctz(records))->len;
	return bytes;
}

static const char *lane_name(const struct lane *lane)
{
	return lane->worker->hub->ports[lane->port].text;
}

static const char gone[] = "is gone";
static const char unusable[] = "is there again, but cannot be used";

/* What several workers see at a port is told once. */
static void tell(const struct lane *lane, const char *what, const char *why)
{
	struct hub *hub = lane->worker->hub;
	const char *const news = why ? why : what;

	if (atomic_exchange(&hub->told[lane->port], news) == news)
		return;
	tool_warn("port '%s' %s%s%s", lane_name(lane), what, why ? ": " : "", why ? why : "");
}

static void hub_end(struct hub *hub)
{
	atomic_store(&hub->ended, true);
	tool_signal_event(hub->ended_fd);
}

/* --- opening and losing a lane --------------------------------------- */

/* One worker attaches to what is no port; the others can open it then. */
static int open_qp(struct lane *lane, const char **why)
{
	const struct worker *worker = lane->worker;
	const struct tool_port *port = &worker->hub->ports[lane->port];
	const struct frameio_port_config attach = {
		.name = port->name,
		.nqueues = worker->hub->settings.nthreads,
	};
	const bool may_attach = !worker->index && !lane->detached;
	const int ret = tool_open_port(port, may_attach ? &attach : NULL, &lane->qp, why);

	lane->attached = ret > 0;
	/* an interface that cannot be attached to is busy in another way */
	if (*why == tool_explain(EBUSY) && worker->hub->settings.nthreads > 1)
		*why = "all its queue pairs are in use, and --threads takes one for each thread: "
		       "'frameio show' tells by whom, and 'frameio add NAME queues N' makes a "
		       "port with more";
	return ret < 0 ? ret : 0;
}

static int set_up(struct lane *lane, const char **why)
{
	const enum transfer_way way = lane->worker->hub->settings.way;
	struct frameio_info info;
	uint32_t options = 0;
	int err;

	err = frameio_get_info(lane->qp, &info);
	if (!err)
		err = frameio_set_nonblock(lane->qp, true);
	*why = tool_explain(-err);
	if (err)
		return err;
	lane->l3 = info.fi_flags & FRAMEIO_PORT_L3;
	lane->ifindex = info.fi_ifindex;
	if (info.fi_flags & FRAMEIO_PORT_NIC)
		options |= FRAMEIO_O_PROMISC;
	return transfer_set_up(way, lane->qp, options, RINGS_SIZE, RINGS_SIZE, why);
}

static void lane_close(struct lane *lane)
{
	atomic_store(&lane->there, false);
	frameio_close(lane->qp);
	lane->qp = NULL;
}

/* Returns 0, or an error and a sentence for it. */
static int lane_open(struct lane *lane, const char **why)
{
	int err;

	err = open_qp(lane, why);
	if (err)
		return err;
	err = set_up(lane, why);
	if (err) {
		lane_close(lane);
		return err;
	}
	lane->state = LANE_OPEN;
	lane->full_since = 0;
	lane->nomem_until = 0;
	lane->down = false;
	atomic_store(&lane->there, true);
	return 0;
}

/* The port is gone, or can be used no longer. */
static void lane_lose(struct lane *lane, const char *doing, int err)
{
	struct hub *hub = lane->worker->hub;

	tell(lane, err == -ENODEV ? gone : doing, err == -ENODEV ? NULL : tool_explain(-err));
	lane_close(lane);
	lane->state = LANE_OPEN;
	lane->detached = false;
	lane->worker->retry_at = lane->worker->now + RETRY_MS;
	if (hub->stations)
		stations_forget(hub->stations, lane->port);
	if (hub->settings.exit_when_gone)
		hub_end(hub);
}

/* Is a port that was gone there again? */
static void lane_retry(struct lane *lane)
{
	const unsigned int ifindex = lane->ifindex;
	const bool l3 = lane->worker->hub->l3;
	const char *why;
	int err;

	err = lane_open(lane, &why);
	/* EINVAL: a namespace that is just being made */
	if (err == -ENODEV || err == -ENOENT || err == -EINVAL) {
		if (lane->detached)
			tell(lane, gone, NULL);
		lane->detached = false;
		lane->ifindex = 0;
	} else if (err == -EOPNOTSUPP && (lane->worker->index || lane->detached)) {
		/* it is for another worker, or for somebody else, to attach to it */
		return;
	} else if (err) {
		tell(lane, unusable, why);
	} else if (lane->attached && lane->ifindex == ifindex) {
		/* it has never gone: somebody has detached it, and wants it so */
		lane_close(lane);
		lane->detached = true;
		tell(lane, "was detached", "it is left alone until it is made anew, or attached");
	} else if (lane->l3 != l3) {
		lane_close(lane);
		tell(lane, unusable, l3 ? "it is an L2 port now, and the other is an L3 port" :
		     "it is an L3 port now, and the others are L2 ports");
	} else {
		tell(lane, "is there again", NULL);
	}
}

/* --- moving frames --------------------------------------------------- */

/* Has it taken nothing for too long? */
static bool lane_is_stuck(const struct lane *lane)
{
	const int64_t wait = lane->worker->hub->settings.wait_ms;

	return wait != HUB_FOREVER && lane->worker->now >= lane->full_since + wait;
}

static void lane_note_full(struct lane *lane, bool nomem)
{
	const uint64_t now = lane->worker->now;

	if (!lane->full_since)
		lane->full_since = now;
	lane->nomem_until = nomem ? now + NOMEM_RETRY_MS : 0;
	lane->state = lane_is_stuck(lane) ? LANE_CONGESTED : LANE_FULL;
}

static void lane_note_taking(struct lane *lane)
{
	lane->full_since = 0;
	lane->down = false;
}

/* A link that is down: its stations may be found elsewhere. */
static void lane_note_down(struct lane *lane)
{
	struct hub *hub = lane->worker->hub;

	if (!lane->down && hub->stations)
		stations_forget(hub->stations, lane->port);
	lane->down = true;
	lane->full_since = 0;
}

/*
 * Write records of a group to a lane, as far as it takes them, and drop those that it
 * will not take.
 *
 * Return: those that are left, which it may take later.
 */
static uint32_t lane_write(struct lane *to, struct transfer *transfer, uint32_t records)
{
	uint32_t left;
	int n;

	while (records && to->qp && to->state == LANE_OPEN) {
		n = transfer_write(transfer, records, to->qp);
		if (n > 0) {
			for (left = records; n > 0; n--)
				left &= left - 1;
			count(to, HUB_OUT_CALLS, 1);
			count(to, HUB_OUT_FRAMES, number_of(records & ~left));
			count(to, HUB_OUT_BYTES, bytes_of(transfer, records & ~left));
			lane_note_taking(to);
			records = left;
		} else if (n == -EINVAL) {
			count(to, HUB_REFUSED, 1);
			records &= records - 1;
		} else if (n == -ENETDOWN) {
			count(to, HUB_DOWN, number_of(records));
			lane_note_down(to);
			return 0;
		} else if (n == -EAGAIN || n == -ENOMEM) {
			lane_note_full(to, n == -ENOMEM);
		} else if (n != -EINTR) {
			lane_lose(to, "cannot be written to", n);
		}
	}
	if (to->qp && to->state == LANE_FULL)
		return records;
	count(to, to->qp ? HUB_FULL : HUB_GONE, number_of(records));
	return 0;
}

/* Write what a lane's group holds for others. */
static void lane_write_held(struct lane *from)
{
	struct worker *worker = from->worker;
	unsigned int i;

	from->holding = false;
	for (i = 0; i < worker->hub->nports; i++) {
		if (!from->held[i])
			continue;
		from->held[i] = lane_write(&worker->lanes[i], from->transfer, from->held[i]);
		from->holding |= from->held[i];
	}
}

static bool is_group(uint64_t address)
{
	return address >> 40 & 1;
}

/*
 * 01:80:c2:00:00:00 to 0f go no further than the next bridge (IEEE 802.1D, 7.12.6). As
 * long as nobody here speaks the spanning tree protocol, its own address, the first, is
 * not one of them: what passes lets bridges find a loop that goes through here.
 */
static bool is_reserved(uint64_t address)
{
	return address > 0x0180c2000000 && address <= 0x0180c200000f;
}

/*
 * Hear the sender of a frame that came in a lane, and find the port that it is for.
 *
 * Return: its number, or one of the two below.
 */
#define ALL_OTHERS	(-1)
#define NONE		(-2)
static int find_port(struct lane *from, const struct frameio_hdr *hdr)
{
	const struct worker *worker = from->worker;
	struct stations *stations = worker->hub->stations;
	const unsigned char *frame = frameio_hdr_frame(hdr);
	uint64_t destination, source;
	int port;

	/* a port that takes it at all says what it thinks of it */
	if (hdr->len < 12)
		return ALL_OTHERS;
	destination = stations_address(frame);
	source = stations_address(frame + 6);
	if (source && !is_group(source))
		stations_learn(stations, source, from->port, worker->now);
	if (is_reserved(destination) && !worker->hub->settings.reserved) {
		count(from, HUB_RESERVED, 1);
		return NONE;
	}
	if (is_group(destination))
		return ALL_OTHERS;
	port = stations_find(stations, destination, worker->now);
	if (port == (int)from->port) {
		count(from, HUB_FILTERED, 1);
		return NONE;
	}
	return port < 0 ? ALL_OTHERS : port;
}

/* Decide for each of the @n frames of a lane's group where it goes. */
static void lane_sort(struct lane *from, unsigned int n)
{
	const struct hub *hub = from->worker->hub;
	uint32_t flooded = 0;
	unsigned int i;
	int port;

	if (!hub->stations) {
		from->held[!from->port] = UINT32_MAX >> (32 - n);
		return;
	}
	for (i = 0; i < n; i++) {
		port = find_port(from, transfer_hdr(from->transfer, i));
		if (port >= 0)
			from->held[port] |= 1U << i;
		else if (port == ALL_OTHERS)
			flooded |= 1U << i;
	}
	if (!flooded)
		return;
	count(from, HUB_FLOODED, number_of(flooded));
	for (i = 0; i < hub->nports; i++)
		if (i != from->port)
			from->held[i] |= flooded;
}

/* The next group of frames that came in, by another call if there is none. */
static int lane_read(struct lane *from)
{
	int n;

	if (transfer_has_next(from->transfer))
		return transfer_next(from->transfer);
	if (!from->qp)
		return -EAGAIN;
	n = transfer_read(from->transfer, from->qp);
	if (n > 0)
		count(from, HUB_IN_CALLS, 1);
	return n;
}

/* A group of @n frames goes out, as far as it can. */
static void lane_pass_on(struct lane *from, int n)
{
	if (n <= 0)
		return;
	count(from, HUB_IN_FRAMES, n);
	count(from, HUB_IN_BYTES, bytes_of(from->transfer, UINT32_MAX >> (32 - n)));
	lane_sort(from, n);
	lane_write_held(from);
}

/* Read groups and write them, until no more wait, some are held, or the turn is over. */
static void lane_move(struct lane *from)
{
	int turn, n;

	for (turn = 0; turn < TURN && !from->holding; turn++) {
		n = lane_read(from);
		if (n == -EAGAIN || n == -EINTR)
			return;
		if (n < 0) {
			if (from->qp)
				lane_lose(from, "cannot be read from", n);
			return;
		}
		/* who is heard of in these is to be forgotten, too, when it is down */
		from->down = false;
		lane_pass_on(from, n);
		if ((unsigned int)n < from->worker->hub->settings.batch_size)
			return;
	}
}

/* Has it read frames that may go on now? No event tells of them. */
static bool lane_has_more(const struct lane *lane)
{
	return !lane->holding && transfer_has_next(lane->transfer);
}

/* --- a worker -------------------------------------------------------- */

static short wanted_events(const struct lane *lane)
{
	const bool wants_room = lane->state != LANE_OPEN && !lane->nomem_until;

	return (lane->holding ? 0 : POLLIN) | (wants_room ? POLLOUT : 0);
}

/* Milliseconds until something is to be done without an event; -1: nothing. */
static int time_to_wait(const struct worker *worker)
{
	const int64_t wait = worker->hub->settings.wait_ms;
	uint64_t until = UINT64_MAX, then;
	unsigned int i;

	for (i = 0; i < worker->hub->nports; i++) {
		const struct lane *lane = &worker->lanes[i];

		if (lane_has_more(lane))
			return 0;
		then = UINT64_MAX;
		if (lane->qp && lane->state == LANE_FULL && lane->nomem_until)
			then = lane->nomem_until;
		else if (!lane->qp || (lane->state == LANE_FULL && wait == HUB_FOREVER))
			then = worker->retry_at;
		else if (lane->state == LANE_FULL)
			then = lane->full_since + wait;
		if (then < until)
			until = then;
	}
	if (until == UINT64_MAX)
		return -1;
	return until > worker->now ? until - worker->now : 0;
}

/* Returns false if it is time to stop. */
static bool worker_wait(struct worker *worker)
{
	const unsigned int n = worker->hub->nports;
	unsigned int i;

	for (i = 0; i < n; i++) {
		worker->fds[i].fd = worker->lanes[i].qp ? frameio_fd(worker->lanes[i].qp) : -1;
		worker->fds[i].events = wanted_events(&worker->lanes[i]);
		worker->fds[i].revents = 0;
	}
	if (poll(worker->fds, n + 1, time_to_wait(worker)) < 0 && errno != EINTR) {
		tool_warn("cannot wait for frames: %s", strerror(errno));
		hub_end(worker->hub);
		return false;
	}
	worker->now = hub_now_ms();
	return !worker->fds[n].revents;
}

/* What has happened to a lane that others write to. */
static void lane_update(struct lane *lane, short revents, bool retry)
{
	const struct worker *worker = lane->worker;
	const bool forever = worker->hub->settings.wait_ms == HUB_FOREVER;

	if (!lane->qp)
		return;
	if (revents & (POLLHUP | POLLERR | POLLNVAL))
		lane_lose(lane, gone, -ENODEV);
	else if (lane->nomem_until ? worker->now >= lane->nomem_until : revents & POLLOUT)
		lane->state = LANE_OPEN;
	else if (retry && (lane->state == LANE_CONGESTED || forever))
		/* that it has gone down is no event */
		lane->state = LANE_OPEN;
	else if (lane->state == LANE_FULL && lane_is_stuck(lane))
		lane->state = LANE_CONGESTED;
}

static void worker_update(struct worker *worker)
{
	const bool retry = worker->now >= worker->retry_at;
	unsigned int i;

	if (retry)
		worker->retry_at = worker->now + RETRY_MS;
	for (i = 0; i < worker->hub->nports; i++) {
		lane_update(&worker->lanes[i], worker->fds[i].revents, retry);
		if (!worker->lanes[i].qp && retry)
			lane_retry(&worker->lanes[i]);
	}
}

/* What waits at the end for a port that takes nothing is counted. */
static void worker_let_go(struct worker *worker)
{
	unsigned int i;

	for (i = 0; i < worker->hub->nports; i++)
		if (worker->lanes[i].state == LANE_FULL)
			worker->lanes[i].state = LANE_CONGESTED;
	for (i = 0; i < worker->hub->nports; i++) {
		lane_write_held(&worker->lanes[i]);
		while (lane_has_more(&worker->lanes[i]))
			lane_pass_on(&worker->lanes[i], transfer_next(worker->lanes[i].transfer));
	}
}

static void *worker_run(void *argument)
{
	struct worker *worker = argument;
	unsigned int i;

	worker->now = hub_now_ms();
	while (worker_wait(worker)) {
		worker_update(worker);
		for (i = 0; i < worker->hub->nports; i++)
			if (worker->lanes[i].holding)
				lane_write_held(&worker->lanes[i]);
		for (i = 0; i < worker->hub->nports; i++)
			if ((worker->fds[i].revents & POLLIN) || lane_has_more(&worker->lanes[i]))
				lane_move(&worker->lanes[i]);
	}
	worker_let_go(worker);
	return NULL;
}

/* --- the hub --------------------------------------------------------- */

static void lane_init(struct lane *lane, struct worker *worker, unsigned int port)
{
	const struct hub *hub = worker->hub;

	lane->worker = worker;
	lane->port = port;
	lane->held = tool_allocate(hub->nports, sizeof(*lane->held));
	lane->transfer = transfer_new(hub->settings.way, hub->settings.batch_size, TOOL_FRAME_SIZE);
}

static void worker_init(struct hub *hub, unsigned int index)
{
	struct worker *worker = &hub->workers[index];
	unsigned int i;

	worker->hub = hub;
	worker->index = index;
	worker->lanes = tool_allocate(hub->nports, sizeof(*worker->lanes));
	worker->fds = tool_allocate(hub->nports + 1, sizeof(*worker->fds));
	worker->fds[hub->nports] = (struct pollfd){ .fd = hub->stop_fd, .events = POLLIN };
	for (i = 0; i < hub->nports; i++)
		lane_init(&worker->lanes[i], worker, i);
}

/* For the first time. */
static void worker_open(struct worker *worker)
{
	struct hub *hub = worker->hub;
	const char *why;
	unsigned int i;

	for (i = 0; i < hub->nports; i++)
		if (lane_open(&worker->lanes[i], &why))
			tool_die(TOOL_FAILED, "cannot open port '%s': %s", hub->ports[i].text, why);
}

/* Frames of an L2 port and packets of an L3 port do not mix. */
static void require_same_kind(struct hub *hub)
{
	const struct lane *lanes = hub->workers[0].lanes;
	unsigned int i;

	hub->l3 = lanes[0].l3;
	for (i = 1; i < hub->nports; i++)
		if (lanes[i].l3 != hub->l3)
			tool_die(TOOL_FAILED, "cannot join '%s', an %s port, and '%s', an %s port",
				 hub->ports[0].text, hub->l3 ? "L3" : "L2", hub->ports[i].text,
				 hub->l3 ? "L2" : "L3");
	if (hub->l3 && hub->nports > 2)
		tool_die(TOOL_FAILED, "cannot join %u L3 ports, only two: their packets have no "
			 "addresses that tell which port they are for", hub->nports);
}

struct hub *hub_open(const struct tool_port *ports, unsigned int nports,
		     const struct hub_settings *settings)
{
	struct hub *hub = tool_allocate(1, sizeof(*hub) + settings->nthreads * sizeof(struct worker));
	unsigned int i;

	hub->settings = *settings;
	hub->ports = ports;
	hub->nports = nports;
	hub->told = tool_allocate(nports, sizeof(*hub->told));
	hub->stop_fd = tool_make_event();
	hub->ended_fd = tool_make_event();
	if (nports > 2) {
		hub->stations = stations_new(settings->nstations, settings->lifetime_ms);
		if (!hub->stations)
			tool_die(TOOL_FAILED, "out of memory");
	}
	for (i = 0; i < settings->nthreads; i++)
		worker_init(hub, i);
	/* what the first one attaches to, the others can open */
	for (i = 0; i < settings->nthreads; i++)
		worker_open(&hub->workers[i]);
	require_same_kind(hub);
	return hub;
}

void hub_start(struct hub *hub)
{
	unsigned int i;
	int err;

	for (i = 0; i < hub->settings.nthreads; i++) {
		err = pthread_create(&hub->workers[i].thread, NULL, worker_run, &hub->workers[i]);
		if (err)
			tool_die(TOOL_FAILED, "cannot start a thread: %s", strerror(err));
	}
}

int hub_ended_fd(const struct hub *hub)
{
	return hub->ended_fd;
}

bool hub_stop(struct hub *hub)
{
	unsigned int i;

	tool_signal_event(hub->stop_fd);
	for (i = 0; i < hub->settings.nthreads; i++)
		pthread_join(hub->workers[i].thread, NULL);
	return !atomic_load(&hub->ended);
}

static void worker_free(struct worker *worker)
{
	unsigned int i;

	for (i = 0; i < worker->hub->nports; i++) {
		lane_close(&worker->lanes[i]);
		transfer_free(worker->lanes[i].transfer);
		free(worker->lanes[i].held);
	}
	free(worker->lanes);
	free(worker->fds);
}

void hub_close(struct hub *hub)
{
	unsigned int i;

	/* the first one last, whose files hold interfaces attached */
	for (i = hub->settings.nthreads; i-- > 0;)
		worker_free(&hub->workers[i]);
	stations_free(hub->stations);
	free(hub->told);
	close(hub->stop_fd);
	close(hub->ended_fd);
	free(hub);
}

unsigned int hub_nports(const struct hub *hub)
{
	return hub->nports;
}

const char *hub_port_name(const struct hub *hub, unsigned int port)
{
	return hub->ports[port].text;
}

bool hub_port_is_there(const struct hub *hub, unsigned int port)
{
	return atomic_load(&hub->workers[0].lanes[port].there);
}

uint64_t hub_count(const struct hub *hub, unsigned int port, enum hub_counter counter)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < hub->settings.nthreads; i++)
		n += atomic_load_explicit(&hub->workers[i].lanes[port].counters[counter],
					  memory_order_relaxed);
	return n;
}

const struct stations *hub_stations(const struct hub *hub)
{
	return hub->stations;
}
