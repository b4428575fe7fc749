/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io.h"
#include "probe.h"
#include "rings.h"

/* --- network namespaces ---------------------------------------------- */

/* A socket of the port's network namespace, which the process enters for it. */
static int open_socket(const struct tool_port *port, int domain, int type, int protocol)
{
	int here, there, fd = -1, error;

	type |= SOCK_NONBLOCK | SOCK_CLOEXEC;
	if (!port->netns)
		return socket(domain, type, protocol);
	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	there = tool_open_netns(port->netns);
	if (here >= 0 && there >= 0 && !setns(there, CLONE_NEWNET)) {
		fd = socket(domain, type, protocol);
		error = errno;
		if (setns(here, CLONE_NEWNET))
			tool_die(TOOL_FAILED, "cannot return to the network namespace: %s",
				 strerror(errno));
		errno = error;
	}
	error = errno;
	close(here);
	close(there);
	errno = error;
	return fd;
}

/* Why a socket cannot be had. */
static const char *explain_socket(const struct tool_port *port, int error)
{
	switch (error) {
	case EPERM:
	case EACCES:
		return port->netns ? "not permitted; it takes root" :
				     "not permitted; it takes root or CAP_NET_RAW";
	case ENOENT:
	case EINVAL:
		return "there is no such network namespace; 'ip netns' lists them";
	default:
		return strerror(error);
	}
}

/* --- the interface --------------------------------------------------- */

static int ask(int fd, const char *name, unsigned long request, struct ifreq *answer)
{
	memset(answer, 0, sizeof(*answer));
	snprintf(answer->ifr_name, sizeof(answer->ifr_name), "%s", name);
	return ioctl(fd, request, answer) ? -errno : 0;
}

/* Where the module is not loaded, there is none. */
static bool is_virtual_port(const struct tool_port *port)
{
	struct frameio_info *ports;
	const int n = frameio_list(port->netns, &ports);
	bool found = false;
	int i;

	for (i = 0; i < n; i++)
		if (!strcmp(ports[i].fi_name, port->name))
			found = !(ports[i].fi_flags & FRAMEIO_PORT_NIC);
	if (n > 0)
		free(ports);
	return found;
}

void io_look_up(struct io_config *config)
{
	const struct tool_port *port = &config->port;
	struct io_interface *interface = &config->interface;
	int fd = open_socket(port, AF_INET, SOCK_DGRAM, 0);
	struct ifreq answer;

	if (fd < 0)
		tool_die(TOOL_FAILED, "cannot use port '%s': %s", port->text,
			 explain_socket(port, errno));
	if (ask(fd, port->name, SIOCGIFINDEX, &answer))
		tool_die(TOOL_FAILED, "cannot use port '%s': %s", port->text,
			 tool_explain(ENODEV));
	interface->index = answer.ifr_ifindex;
	if (!ask(fd, port->name, SIOCGIFMTU, &answer))
		interface->mtu = answer.ifr_mtu;
	if (!ask(fd, port->name, SIOCGIFFLAGS, &answer)) {
		interface->up = answer.ifr_flags & IFF_UP;
		interface->running = answer.ifr_flags & IFF_RUNNING;
	}
	if (!ask(fd, port->name, SIOCGIFHWADDR, &answer)) {
		interface->ethernet = answer.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
				      answer.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
		memcpy(interface->address, answer.ifr_hwaddr.sa_data, sizeof(interface->address));
	}
	close(fd);
	interface->is_virtual = is_virtual_port(port);
}

uint32_t io_most(const struct io_config *config)
{
	return config->interface.mtu + (config->interface.ethernet ? ETH_HLEN : 0);
}

/* What the kernel accounts for a frame is up to twice its length, and some more. */
uint32_t io_bytes(const struct io_config *config)
{
	const uint64_t bytes = (uint64_t)config->limit * (2 * io_most(config) + 1024);

	if (bytes <= FRAMEIO_BYTES_DEFAULT)
		return FRAMEIO_BYTES_DEFAULT;
	return bytes < FRAMEIO_BYTES_MAX ? bytes : FRAMEIO_BYTES_MAX;
}

/* --- queue pairs of ports -------------------------------------------- */

/* The first thread's: an interface that is no port becomes one while the file is open. */
static void open_first(struct io *io)
{
	const struct io_config *config = io->config;
	const struct tool_port *port = &config->port;
	const struct frameio_port_config attach = {
		.name = port->name,
		.nqueues = config->nthreads,
	};
	const char *why;
	const int ret = tool_open_port(port, &attach, &io->qp, &why);

	if (ret < 0)
		tool_die(TOOL_FAILED, "cannot open port '%s': %s%s", port->text, why,
			 ret == -EOPNOTSUPP ? "; '--io packet' does without" : "");
}

static void open_further(struct io *io)
{
	const struct io_config *config = io->config;
	const struct tool_port *port = &config->port;
	struct frameio_info info = { 0 };
	int err;

	err = frameio_open(&io->qp, port->netns, port->name, FRAMEIO_QUEUE_ANY);
	if (!err)
		return;
	if (err != -EBUSY)
		tool_die(TOOL_FAILED, "cannot open port '%s': %s", port->text, tool_explain(-err));
	frameio_get_info(io[-1].qp, &info);
	tool_die(TOOL_FAILED, "port '%s' has %u queue pair%s, of which %u %s free, and each of %u "
		 "threads takes one: choose fewer with -p, or make a port with more: 'queues' in "
		 "frameio(8)", port->text, info.fi_nqueues, info.fi_nqueues == 1 ? "" : "s",
		 io->thread, io->thread == 1 ? "was" : "were", config->nthreads);
}

static void require(const struct io *io, const char *what, int err)
{
	if (err)
		tool_die(TOOL_FAILED, "cannot %s port '%s': %s", what, io->config->port.text,
			 strerror(-err));
}

static void set_limits(struct io *io)
{
	const struct io_config *config = io->config;
	const uint32_t limit = config->limit, bytes = io_bytes(config);
	int err;

	if (!limit)
		return;
	err = frameio_set_limits(io->qp, config->receive ? limit : 0, config->receive ? 0 : limit);
	if (!err && bytes > FRAMEIO_BYTES_DEFAULT)
		err = frameio_set_byte_limits(io->qp, config->receive ? bytes : 0,
					      config->receive ? 0 : bytes);
	if (err)
		tool_die(TOOL_FAILED, "cannot have the queue of port '%s' hold %u frames: %s",
			 config->port.text, limit, err == -EPERM ?
			 "not permitted; more than the port was given takes root" :
			 strerror(-err));
}

static void frameio_way_open(struct io *io, uint32_t options)
{
	const struct io_config *config = io->config;
	const struct sock_filter *filter;
	struct frameio_info info;
	unsigned int n;

	if (io->thread)
		open_further(io);
	else
		open_first(io);
	io->fd = frameio_fd(io->qp);
	require(io, "use", frameio_set_nonblock(io->qp, true));
	require(io, "use", frameio_get_info(io->qp, &info));
	set_limits(io);
	if (config->receive)
		options |= FRAMEIO_O_TRUNC;
	if (config->receive && (info.fi_flags & FRAMEIO_PORT_NIC)) {
		filter = probe_filter(&n);
		if (config->filter)
			require(io, "set the filter of", frameio_set_filter(io->qp, filter, n));
		if (config->promiscuous)
			options |= FRAMEIO_O_PROMISC;
	}
	require(io, "set the options of", frameio_set_options(io->qp, options));
}

static void frameio_way_close(struct io *io)
{
	frameio_close(io->qp);
	free(io->vectors);
}

/* --- --io frameio: FRAMEIO_READ and FRAMEIO_WRITE -------------------- */

static void ioctl_open(struct io *io)
{
	frameio_way_open(io, 0);
	io->vectors = tool_allocate(1, sizeof(struct frameio) + IO_BATCH_MAX * sizeof(struct framevec));
}

/* Does a record that was read lie in its memory? Nothing is taken on trust. */
static bool is_whole(const struct io *io, const struct frameio_hdr *record)
{
	return record->hdrlen == sizeof(*record) && record->len <= io->frame_max;
}

static int ioctl_move(struct io *io, unsigned long request, struct frameio_hdr **records,
		      unsigned int n)
{
	const bool reading = request == FRAMEIO_READ;
	struct frameio *call = io->vectors;
	unsigned int i;

	call->fio_version = FRAMEIO_VERSION;
	call->fio_nvpf = 1;
	call->fio_nvecs = n;
	for (i = 0; i < n; i++) {
		call->fio_vecs[i].fv_buf = (uintptr_t)records[i];
		call->fio_vecs[i].fv_buflen = sizeof(**records) +
					      (reading ? io->frame_max : records[i]->len);
	}
	if (ioctl(io->fd, request, call))
		return -errno;
	return call->fio_nvecs;
}

static int ioctl_write(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	return ioctl_move(io, FRAMEIO_WRITE, records, n);
}

static int ioctl_read(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	const int count = ioctl_move(io, FRAMEIO_READ, records, n);
	int i;

	for (i = 0; i < count; i++)
		if (!is_whole(io, records[i]))
			return -EBADMSG;
	return count;
}

/* --- --io readv: readv(2) and writev(2) ------------------------------ */

static void vector_open(struct io *io)
{
	frameio_way_open(io, 0);
	io->vectors = tool_allocate(IO_BATCH_MAX, sizeof(struct iovec));
}

static int vector_write(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	struct iovec *vectors = io->vectors;
	ssize_t written;
	unsigned int i;

	for (i = 0; i < n; i++)
		vectors[i] = (struct iovec) { records[i], sizeof(**records) + records[i]->len };
	written = writev(io->fd, vectors, n);
	if (written < 0)
		return -errno;
	for (i = 0; i < n && written > 0; i++)
		written -= vectors[i].iov_len;
	return i;
}

static int vector_read(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	struct iovec *vectors = io->vectors;
	ssize_t left;
	unsigned int i;

	for (i = 0; i < n; i++)
		vectors[i] = (struct iovec) { records[i], sizeof(**records) + io->frame_max };
	left = readv(io->fd, vectors, n);
	if (left < 0)
		return -errno;
	for (i = 0; i < n && left > 0; i++) {
		if (!is_whole(io, records[i]))
			return -EBADMSG;
		left -= sizeof(**records) + records[i]->len;
	}
	return i;
}

/* --- --io packed: rows of records by read(2) and write(2) ------------- */

struct row {
	struct frameio_records rest;	/* of what was read: not given out yet */
	size_t longest;			/* bytes that a frame may take */
	_Alignas(FRAMEIO_RECORD_ALIGN) unsigned char bytes[];
};

static void packed_open(struct io *io)
{
	const size_t longest = sizeof(struct frameio_hdr) + io->frame_max + FRAMEIO_RECORD_ALIGN;
	struct row *row = tool_allocate(1, sizeof(*row) + IO_BATCH_MAX * longest);

	frameio_way_open(io, FRAMEIO_O_PACKED);
	row->longest = longest;
	frameio_records_init(&row->rest, NULL, 0);
	io->vectors = row;
}

static int packed_write(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	size_t ends[IO_BATCH_MAX], size = 0;
	struct row *row = io->vectors;
	ssize_t written;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (frameio_records_append(row->bytes, n * row->longest, &size, records[i] + 1,
					   records[i]->len))
			break;
		ends[i] = size;
	}
	if (!size)
		return -EMSGSIZE;
	written = write(io->fd, row->bytes, size);
	if (written < 0)
		return -errno;
	/* it ends where a record does, or the next one starts */
	n = i;
	for (i = 0; i < n && ends[i] <= (size_t)written; i++)
		;
	return i;
}

/* The next @n records of the row. */
static int packed_take(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	struct row *row = io->vectors;
	const struct frameio_hdr *hdr;
	unsigned int i;
	int ret;

	for (i = 0; i < n; i++) {
		ret = frameio_records_next(&row->rest, &hdr);
		if (ret < 0 || (ret && !is_whole(io, hdr)))
			return -EBADMSG;
		if (!ret)
			break;
		records[i] = (struct frameio_hdr *)hdr;
	}
	return i;
}

static int packed_read(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	const int left = packed_take(io, records, n);
	struct row *row = io->vectors;
	ssize_t size;

	io->same_call = left > 0;
	if (left)
		return left;
	/* for so many of the longest: of shorter ones there are more */
	size = read(io->fd, row->bytes, n * row->longest);
	if (size < 0)
		return -errno;
	frameio_records_init(&row->rest, row->bytes, size);
	return packed_take(io, records, n);
}

/* --- --io ring: in memory that is shared with the kernel -------------- */

struct ring_state {
	bool down;		/* what was written waits for the interface to be up */
	uint64_t appended;
	uint64_t passed;	/* frames through write rings of the queue pair before that */
};

/* Frames that the kernel has taken from write rings of the queue pair, whatever became of them. */
static uint64_t ring_passed(const struct frameio_stats *stats)
{
	return stats->fs_write_frames[FRAMEIO_MODE_RING] + stats->fs_write_errors;
}

static void ring_open(struct io *io)
{
	const struct io_config *config = io->config;
	const size_t frame_size = sizeof(struct frameio_hdr) + io_most(config) + FRAMEIO_RECORD_ALIGN;
	const size_t wanted = config->limit * frame_size;
	const unsigned int size = rings_size(wanted > RINGS_SIZE ? wanted : RINGS_SIZE);
	struct ring_state *state = tool_allocate(1, sizeof(*state));
	struct frameio_stats stats;
	int err;

	frameio_way_open(io, 0);
	err = rings_set_up(io->qp, config->receive ? size : 0, config->receive ? 0 : size);
	if (err)
		tool_die(TOOL_FAILED, "cannot use port '%s': %s", config->port.text,
			 rings_explain(err));
	require(io, "get the counters of", frameio_get_stats(io->qp, &stats));
	state->passed = ring_passed(&stats);
	io->vectors = state;
}

static int ring_write(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	struct ring_state *state = io->vectors;
	unsigned int i;
	int err = 0;

	/* what is written now would only wait behind the rest */
	if (state->down && (err = frameio_ring_flush(io->qp)))
		return err;
	for (i = 0; i < n && !err; i++)
		err = frameio_ring_append(io->qp, records[i] + 1, records[i]->len);
	if (err && --i == 0)
		return err;
	state->appended += i;
	err = frameio_ring_flush(io->qp);
	state->down = err == -ENETDOWN;
	return err && !state->down ? err : (int)i;
}

/* Frames that the kernel has not taken yet. */
static uint32_t ring_waiting(const struct io *io, const struct frameio_stats *stats)
{
	const struct ring_state *state = io->vectors;

	return state->passed + state->appended - ring_passed(stats);
}

/* The frames stay where they are until the next call. */
static int ring_read(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	int ret = frameio_ring_release(io->qp, NULL);

	if (!ret)
		ret = frameio_ring_peek_batch(io->qp, records, n);
	return ret ? ret : -EAGAIN;
}

/* --- sockets --------------------------------------------------------- */

struct messages {
	struct mmsghdr headers[IO_BATCH_MAX];
	struct iovec vectors[IO_BATCH_MAX];
};

static void socket_close(struct io *io)
{
	close(io->fd);
	free(io->vectors);
}

/* @skip: bytes of each frame that the kernel makes itself */
static int socket_write(struct io *io, struct frameio_hdr **records, unsigned int n,
			unsigned int skip)
{
	struct messages *messages = io->vectors;
	unsigned int i;
	int sent;

	for (i = 0; i < n; i++)
		messages->vectors[i] = (struct iovec) {
			(char *)(records[i] + 1) + skip, records[i]->len - skip,
		};
	sent = sendmmsg(io->fd, messages->headers, n, 0);
	return sent < 0 ? -errno : sent;
}

static int socket_read(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	struct messages *messages = io->vectors;
	uint32_t len;
	int count, i;

	for (i = 0; i < (int)n; i++)
		messages->vectors[i] = (struct iovec) { records[i] + 1, io->frame_max };
	/* a longer frame is cut, and its whole length told */
	count = recvmmsg(io->fd, messages->headers, n, MSG_TRUNC, NULL);
	if (count < 0)
		return -errno;
	for (i = 0; i < count; i++) {
		len = messages->headers[i].msg_len;
		records[i]->wirelen = len;
		records[i]->len = len < io->frame_max ? len : io->frame_max;
	}
	return count;
}

static void prepare_messages(struct io *io)
{
	struct messages *messages = io->vectors = tool_allocate(1, sizeof(*messages));
	int i;

	for (i = 0; i < IO_BATCH_MAX; i++) {
		messages->headers[i].msg_hdr.msg_iov = &messages->vectors[i];
		messages->headers[i].msg_hdr.msg_iovlen = 1;
	}
}

/* A socket option without which it would be another workload. */
static void set_option(struct io *io, int level, int name, const void *value, socklen_t len,
		       const char *what)
{
	if (setsockopt(io->fd, level, name, value, len))
		tool_die(TOOL_FAILED, "cannot %s on '%s': %s", what, io->config->port.text,
			 strerror(errno));
}

/* As much as the queue of a port holds, which the kernel may cut. */
static void set_buffers(struct io *io)
{
	const int bytes = io_bytes(io->config);

	/* more than the limit is for root */
	if (setsockopt(io->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(io->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(io->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(io->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* --- --io packet: AF_PACKET ------------------------------------------ */

/* Before it is bound: nothing comes yet. */
static void packet_prepare_receiver(struct io *io)
{
	const struct io_config *config = io->config;
	struct sock_fprog program;
	const int on = 1;
	unsigned int n;

	program.filter = (struct sock_filter *)probe_filter(&n);
	program.len = n;
	/* an L3 interface's packets have no EtherType that it could look for */
	if (config->filter && config->interface.ethernet)
		set_option(io, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program),
			   "set the filter");
	set_option(io, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on),
		   "receive incoming frames only");
}

/* Among the threads of this process, by flow. */
static void packet_join(struct io *io)
{
	int group = (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
	socklen_t len = sizeof(group);

	/* the kernel has given the first one a number that nobody else has */
	if (io->thread && getsockopt(io[-1].fd, SOL_PACKET, PACKET_FANOUT, &group, &len))
		tool_die(TOOL_FAILED, "cannot share out frames on '%s': %s", io->config->port.text,
			 strerror(errno));
	set_option(io, SOL_PACKET, PACKET_FANOUT, &group, sizeof(group), "share out frames");
}

static void packet_share(struct io *io)
{
	const struct io_config *config = io->config;
	const struct packet_mreq promiscuous = {
		.mr_ifindex = config->interface.index,
		.mr_type = PACKET_MR_PROMISC,
	};

	if (config->promiscuous)
		set_option(io, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous,
			   sizeof(promiscuous), "be promiscuous");
	if (config->nthreads > 1)
		packet_join(io);
}

static void packet_open(struct io *io)
{
	const struct io_config *config = io->config;
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = config->receive ? htons(ETH_P_ALL) : 0,
		.sll_ifindex = config->interface.index,
	};
	const int on = 1;

	io->fd = open_socket(&config->port, AF_PACKET, SOCK_RAW, 0);
	if (io->fd < 0)
		tool_die(TOOL_FAILED, "cannot make a packet socket: %s",
			 explain_socket(&config->port, errno));
	prepare_messages(io);
	set_buffers(io);
	if (config->receive)
		packet_prepare_receiver(io);
	else
		set_option(io, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on),
			   "go past the queueing discipline");
	if (bind(io->fd, (const void *)&address, sizeof(address)))
		tool_die(TOOL_FAILED, "cannot bind a packet socket to '%s': %s", config->port.text,
			 strerror(errno));
	if (config->receive)
		packet_share(io);
}

static int packet_write(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	return socket_write(io, records, n, 0);
}

/* --- --io udp: UDP sockets ------------------------------------------- */

static void udp_bind(struct io *io)
{
	const union io_address *local = &io->config->local;
	char text[INET6_ADDRSTRLEN] = "";
	const int on = 1;

	if (!local->any.sa_family)
		return;
	if (io->config->nthreads > 1)
		set_option(io, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on), "share a UDP port");
	if (!bind(io->fd, &local->any, sizeof(*local)))
		return;
	inet_ntop(local->any.sa_family, local->any.sa_family == AF_INET ?
		  (const void *)&local->v4.sin_addr : &local->v6.sin6_addr, text, sizeof(text));
	tool_die(TOOL_FAILED, "cannot bind a UDP socket to address %s, port %u: %s", text,
		 ntohs(local->v4.sin_port), strerror(errno));
}

static void udp_open(struct io *io)
{
	const struct io_config *config = io->config;
	const int family = config->local.any.sa_family ? config->local.any.sa_family :
							 config->remote.any.sa_family;

	io->fd = open_socket(&config->port, family, SOCK_DGRAM, 0);
	if (io->fd < 0)
		tool_die(TOOL_FAILED, "cannot make a UDP socket: %s",
			 explain_socket(&config->port, errno));
	prepare_messages(io);
	set_buffers(io);
	set_option(io, SOL_SOCKET, SO_BINDTODEVICE, config->port.name,
		   strlen(config->port.name) + 1, "send and receive UDP");
	udp_bind(io);
	if (config->remote.any.sa_family &&
	    connect(io->fd, &config->remote.any, sizeof(config->remote)))
		tool_die(TOOL_FAILED, "cannot connect a UDP socket: %s; the destination, --dst, "
			 "needs a route through '%s'", strerror(errno), config->port.text);
	io->payload_only = true;
}

/* As long as the frames were whose payload it is. */
static int udp_read(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	const int count = socket_read(io, records, n);
	int i;

	for (i = 0; i < count; i++)
		records[i]->wirelen += io->config->headers;
	return count;
}

/* What a host answers that has no such port is no failure of the sender's. */
static int udp_write(struct io *io, struct frameio_hdr **records, unsigned int n)
{
	int sent;

	do {
		sent = socket_write(io, records, n, io->config->headers);
	} while (sent == -ECONNREFUSED);
	return sent;
}

/* --- all ------------------------------------------------------------- */

static const struct io_way ways[] = {
	{ "frameio", ioctl_open, frameio_way_close, ioctl_write, ioctl_read },
	{ "readv", vector_open, frameio_way_close, vector_write, vector_read },
	{ "packed", packed_open, frameio_way_close, packed_write, packed_read },
	{ "ring", ring_open, frameio_way_close, ring_write, ring_read },
	{ "packet", packet_open, socket_close, packet_write, socket_read },
	{ "udp", udp_open, socket_close, udp_write, udp_read },
};

#define NWAYS	(sizeof(ways) / sizeof(*ways))

const struct io_way *io_find(const char *name)
{
	size_t i;

	for (i = 0; i < NWAYS; i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	return NULL;
}

const char *io_names(void)
{
	static char names[64];
	size_t i;

	*names = '\0';
	for (i = 0; i < NWAYS; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 i ? ", " : "", ways[i].name);
	return names;
}

void io_open_all(struct io *ios, const struct io_config *config)
{
	unsigned int i;

	for (i = 0; i < config->nthreads; i++) {
		ios[i] = (struct io) {
			.config = config,
			.thread = i,
			/* two VLAN tags do not count for the MTU */
			.frame_max = io_most(config) + 8,
		};
		config->way->open(&ios[i]);
	}
}

/* The first one last: with it an interface is let go that was attached to. */
void io_close_all(struct io *ios, unsigned int n)
{
	while (n--)
		ios[n].config->way->close(&ios[n]);
}

/* Ask for what it is now, whatever it is called now. */
static int ask_again(const struct io_config *config, unsigned long request, struct ifreq *answer)
{
	const int fd = open_socket(&config->port, AF_INET, SOCK_DGRAM, 0);
	char name[IFNAMSIZ];
	int err = 0;

	if (fd < 0)
		return -errno;
	*answer = (struct ifreq) { .ifr_ifindex = config->interface.index };
	if (ioctl(fd, SIOCGIFNAME, answer))
		err = -errno;
	memcpy(name, answer->ifr_name, sizeof(name));
	if (!err)
		err = ask(fd, name, request, answer);
	close(fd);
	return err;
}

bool io_is_up(const struct io_config *config)
{
	struct ifreq answer;

	return !ask_again(config, SIOCGIFFLAGS, &answer) && (answer.ifr_flags & IFF_UP);
}

bool io_is_gone(const struct io_config *config)
{
	struct ifreq answer;

	return ask_again(config, SIOCGIFFLAGS, &answer) == -ENODEV;
}

int io_waiting(const struct io *io)
{
	struct frameio_queue_pair pair;
	struct frameio_info info;
	int err;

	if (!io->qp)
		return 0;
	err = frameio_get_info(io->qp, &info);
	if (!err)
		err = frameio_get_queue_pair(io->config->port.netns, info.fi_name, info.fi_queue,
					     &pair);
	if (err == -ENODEV || err == -EOPNOTSUPP)
		return -ENODEV;
	if (err)
		return 0;
	if (io->config->way->write == ring_write)
		pair.fp_write_len += ring_waiting(io, &pair.fp_stats);
	return pair.fp_write_len;
}

const char *io_explain(const struct io_config *config, int error)
{
	if (io_is_gone(config))
		return "it is gone";
	switch (error) {
	case ENODEV:
		return "it is gone, or is no port any more";
	case EINVAL:
	case EMSGSIZE:
		return "it does not take frames of that length any more: its MTU has changed";
	case EPERM:
		return strcmp(config->way->name, "udp") ? tool_explain(error) :
		       "not permitted: a firewall's rule forbids it";
	case EBADMSG:
		return "what the kernel reported cannot be understood; 'frameio version' tells "
		       "whether the module is of another version";
	default:
		return tool_explain(error);
	}
}
