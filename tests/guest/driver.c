/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * NIC ports on drivers of real hardware, each test with virtio_net and with e1000 as
 * the NIC, and the other at the far end of the wire that tests/vm/run gives them:
 *
 *	port -- NIC --- wire --- far -- packet socket, or a port, too
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call.h"

#define LEN	200
#define BATCH	32

/* More than a driver's ring holds, and so few that none misses any when it receives. */
#define BURST	2000
#define WINDOW	100
#define LATE	0x40000000	/* a number that full traffic does not come to */

static const char *const drivers[] = { "virtio_net", "e1000" };
static char nic[IF_NAMESIZE], far[IF_NAMESIZE];

static bool has_driver(const char *name, const char *driver)
{
	char path[300], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver", name);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	return !strcmp(strrchr(target, '/') + 1, driver);
}

/* The interface of a driver; false: there is none, or no more. */
static bool find_interface(const char *driver, char name[IF_NAMESIZE])
{
	DIR *directory = opendir("/sys/class/net");
	const struct dirent *entry;
	bool found = false;

	ck_assert_ptr_nonnull(directory);
	while (!found && (entry = readdir(directory))) {
		found = has_driver(entry->d_name, driver);
		if (found)
			snprintf(name, IF_NAMESIZE, "%.15s", entry->d_name);
	}
	closedir(directory);
	return found;
}

static void use_interface(const char *driver, char name[IF_NAMESIZE])
{
	ck_assert_msg(find_interface(driver, name), "no NIC has the driver %s", driver);
	/* what an earlier test may have changed, and what the kernel would send of its own */
	guest_sh("sysctl -qw net.ipv6.conf.%s.disable_ipv6=1 && ip addr flush dev %s && "
		 "ip link set %s mtu 1500 promisc off up", name, name, name);
	guest_wait_running(name);
}

static void use_drivers(int i)
{
	use_interface(drivers[i], nic);
	use_interface(drivers[!i], far);
}

static void load_drivers(void)
{
	guest_sh("modprobe -a virtio_net e1000");
}

static int attach(const char *name)
{
	struct frameio_create request = { .fc_flags = FRAMEIO_PORT_PERSIST };
	int fd = guest_control();

	strcpy(request.fc_name, name);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_ATTACH, &request), 0);
	return fd;
}

/* One that takes frames from now on. */
static int attach_reader(const char *name)
{
	int fd = attach(name);

	ck_assert_int_eq(guest_poll(fd, POLLIN, 0) & POLLIN, 0);
	return fd;
}

/* A row of records, and the iovecs to move them. */
static struct {
	unsigned char bytes[BATCH][HDRLEN + 2048];
	struct iovec iov[BATCH];
} records;

static void write_numbered(int fd, uint32_t first, uint32_t n)
{
	uint32_t done = 0, i, batch;
	ssize_t written;

	while (done < n) {
		batch = n - done < BATCH ? n - done : BATCH;
		for (i = 0; i < batch; i++)
			records.iov[i] = (struct iovec){
				records.bytes[i],
				guest_record_numbered(records.bytes[i], LEN, first + done + i),
			};
		written = writev(fd, records.iov, batch);
		ck_assert_int_gt(written, 0);
		done += written / (HDRLEN + LEN);
	}
}

static uint32_t receive_next(int packet)
{
	unsigned char frame[2048];
	const ssize_t len = recv(packet, frame, sizeof(frame), 0);

	if (len != LEN)
		ck_abort_msg("a frame of %zd bytes", len);
	return guest_check_numbered(frame, len);
}

/* Frames with lower numbers may still be on their way, and come before. */
static void receive_numbered(int packet, uint32_t first, uint32_t n)
{
	uint32_t i, number;

	for (i = 0; i < n; i++) {
		do
			number = receive_next(packet);
		while (!i && number < first);
		if (number != first + i)
			ck_abort_msg("frame %u is not the one that was written, but %u", first + i,
				     number);
	}
}

static void send_numbered(int packet, uint32_t first, uint32_t n)
{
	unsigned char frame[LEN];
	uint32_t i;

	for (i = 0; i < n; i++) {
		guest_fill_numbered(frame, LEN, first + i);
		if (send(packet, frame, LEN, 0) != LEN)
			ck_abort_msg("cannot send frame %u: %s", first + i, strerror(errno));
	}
}

/* Read @n frames of those sent. */
static void read_numbered(int fd, uint32_t first, uint32_t n)
{
	uint32_t done = 0, i;
	ssize_t len;

	while (done < n) {
		for (i = 0; i < BATCH; i++)
			records.iov[i] = (struct iovec){ records.bytes[i], sizeof(*records.bytes) };
		len = readv(fd, records.iov, BATCH);
		ck_assert_int_gt(len, 0);
		for (i = 0; i < len / (HDRLEN + LEN); i++)
			if (guest_check_numbered(records.bytes[i] + HDRLEN, LEN) != first + done++)
				ck_abort_msg("frame %u was lost", first + done - 1);
	}
}

START_TEST(every_frame_goes_both_ways)
{
	unsigned long long sent;
	struct frameio_stats stats;
	int fd, packet, i;

	use_drivers(_i);
	fd = attach_reader(nic);
	packet = guest_packet_socket(far);
	sent = guest_link_counter(nic, "tx_packets");
	for (i = 0; i < BURST; i += WINDOW) {
		write_numbered(fd, i, WINDOW);
		receive_numbered(packet, i, WINDOW);
		send_numbered(packet, i, WINDOW);
		read_numbered(fd, i, WINDOW);
	}
	ck_assert_uint_eq(guest_link_counter(nic, "tx_packets") - sent, BURST);
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_write_received, BURST);
	ck_assert_uint_eq(stats.fs_write_received_bytes, BURST * LEN);
	ck_assert_uint_eq(stats.fs_read_queued, BURST);
	ck_assert_uint_eq(stats.fs_read_drop_full, 0);
	close(packet);
	close(fd);
}
END_TEST

/*
 * What the driver's ring has no room for waits, and its writer is told when there is
 * room. The far NIC may miss frames, as it is not asked to keep up; and when it has room
 * again the emulated wire may bring it the next frame before one that waited.
 */
START_TEST(a_writer_that_does_not_wait_loses_nothing)
{
	unsigned char record[HDRLEN + LEN], frame[2048];
	bool arrived[BURST] = { false };
	unsigned long long sent;
	uint32_t done = 0, n = 0;
	int fd, packet;

	use_drivers(_i);
	fd = attach(nic);
	packet = guest_packet_socket(far);
	guest_set_nonblock(fd, true);
	guest_set_limits(fd, 0, 4);
	sent = guest_link_counter(nic, "tx_packets");
	while (done < BURST) {
		guest_record_numbered(record, LEN, done);
		if (write(fd, record, sizeof(record)) > 0) {
			done++;
			continue;
		}
		ck_assert_int_eq(errno, EAGAIN);
		ck_assert_int_eq(guest_poll(fd, POLLOUT, -1), POLLOUT);
	}
	while (guest_link_counter(nic, "tx_packets") < sent + BURST)
		;
	ck_assert_uint_eq(guest_link_counter(nic, "tx_packets"), sent + BURST);
	while (recv(packet, frame, sizeof(frame), MSG_DONTWAIT) == LEN) {
		uint32_t number = guest_check_numbered(frame, LEN);

		if (number >= BURST || arrived[number])
			ck_abort_msg("frame %u comes twice, or was not written", number);
		arrived[number] = true;
		n++;
	}
	ck_assert_uint_gt(n, 0);
	close(packet);
	close(fd);
}
END_TEST

/* --- what the driver cannot do --------------------------------------- */

START_TEST(segments_and_checksums_are_made)
{
	unsigned char record[HDRLEN + GUEST_LARGE_LEN], frame[2048];
	int fd, packet, i;

	use_drivers(_i);
	fd = attach(nic);
	/* a capture sees what it joins */
	guest_sh("ethtool -K %s gro off", far);
	packet = guest_packet_socket(far);
	guest_record_large(record);
	ck_assert_int_eq(write(fd, record, sizeof(record)), (ssize_t)sizeof(record));
	for (i = 0; i < GUEST_LARGE_SEGMENTS; i++) {
		ck_assert_int_eq(recv(packet, frame, sizeof(frame), 0), GUEST_SEGMENT_LEN);
		guest_check_segment(frame, i);
	}
	close(packet);
	close(fd);
}
END_TEST

/* A tag beside the frame goes out and comes in, whoever puts it into the frame and takes it out. */
START_TEST(tags_stay_beside_the_frame)
{
	const uint32_t promisc = FRAMEIO_O_PROMISC;
	unsigned char record[HDRLEN + 2048];
	struct frameio_hdr *hdr = (void *)record;
	int fd, other;

	use_drivers(_i);
	fd = attach(nic);
	other = attach_reader(far);
	/* a NIC may drop the tags of VLANs that it was not told of */
	ck_assert_int_eq(ioctl(other, FRAMEIO_SET_OPTIONS, &promisc), 0);
	guest_record_numbered(record, LEN, 9);
	hdr->flags = FRAMEIO_F_VLAN;
	hdr->vlan_tci = 0x0064;
	hdr->vlan_proto = ETHERTYPE_VLAN;
	ck_assert_int_eq(write(fd, record, HDRLEN + LEN), HDRLEN + LEN);
	ck_assert_int_eq(read(other, record, sizeof(record)), HDRLEN + LEN);
	ck_assert_uint_eq(hdr->flags & FRAMEIO_F_VLAN, FRAMEIO_F_VLAN);
	ck_assert_uint_eq(hdr->vlan_tci, 0x0064);
	ck_assert_uint_eq(hdr->vlan_proto, ETHERTYPE_VLAN);
	ck_assert_uint_eq(guest_check_numbered(record + HDRLEN, LEN), 9);
	close(other);
	close(fd);
}
END_TEST

static void send_to_other(int packet, uint32_t number)
{
	unsigned char frame[LEN];

	guest_fill_numbered(frame, LEN, number);
	memcpy(frame, (unsigned char[]){ 2, 0, 0, 0, 9, 9 }, ETH_ALEN);
	ck_assert_int_eq(send(packet, frame, LEN, 0), LEN);
}

/* Send a frame to another address, and one to all: is the first one read? */
static bool sees_what_others_are_sent(int fd, int packet)
{
	unsigned char record[HDRLEN + 2048];
	bool seen = false;

	send_to_other(packet, 1);
	send_numbered(packet, 2, 1);
	do {
		ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + LEN);
		seen |= record[HDRLEN] == 2;
	} while (record[HDRLEN] == 2);
	return seen;
}

/* Drivers may do what they are told a moment later. */
START_TEST(promiscuity_shows_what_others_are_sent)
{
	const uint32_t promisc = FRAMEIO_O_PROMISC, none = 0;
	int fd, packet;

	use_drivers(_i);
	fd = attach_reader(nic);
	packet = guest_packet_socket(far);
	while (sees_what_others_are_sent(fd, packet))
		;
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &promisc), 0);
	while (!sees_what_others_are_sent(fd, packet))
		;
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &none), 0);
	while (sees_what_others_are_sent(fd, packet))
		;
	close(packet);
	close(fd);
}
END_TEST

/* --- a life of change ------------------------------------------------ */

static _Atomic bool stop;

/* These go on until the port is gone, or it is enough, and return how many frames they moved. */
static ssize_t keep_writing(int fd, void *arg)
{
	unsigned char bytes[BATCH][HDRLEN + LEN];
	struct iovec iov[BATCH];
	ssize_t done = 0, written;
	int i;

	(void)arg;
	for (i = 0; i < BATCH; i++)
		iov[i] = (struct iovec){ bytes[i], guest_record_numbered(bytes[i], LEN, i) };
	while (!stop) {
		written = writev(fd, iov, BATCH);
		if (written < 0 && errno == ENETDOWN)
			guest_poll(fd, POLLOUT, -1);
		else if (written < 0)
			return errno == ENODEV ? done : -1;
		else
			done += written / (HDRLEN + LEN);
	}
	return done;
}

static ssize_t keep_reading(int fd, void *arg)
{
	unsigned char record[HDRLEN + 2048];
	ssize_t done = 0, len;

	(void)arg;
	for (;;) {
		len = read(fd, record, sizeof(record));
		if (len < 0)
			return errno == ENODEV ? done : -1;
		done++;
	}
}

/* With pauses: a machine that is too slow for all of this still has to serve its NICs. */
static ssize_t keep_sending(int packet, void *arg)
{
	unsigned char frame[LEN];
	ssize_t done = 0;

	(void)arg;
	guest_fill_numbered(frame, LEN, 0);
	for (; !stop; done++) {
		if (send(packet, frame, LEN, 0) < 0 && errno != ENOBUFS)
			return -1;
		if (done % WINDOW == 0)
			poll(NULL, 0, 1);
	}
	return done;
}

/* Both ways at once, as fast as it goes. */
static struct {
	struct guest_call writer, reader, sender;
	int fd, packet;
} traffic;

static void start_traffic(void)
{
	stop = false;
	traffic.fd = attach(nic);
	traffic.packet = guest_packet_socket(far);
	guest_call_start(&traffic.writer, keep_writing, traffic.fd, NULL);
	guest_call_start(&traffic.reader, keep_reading, traffic.fd, NULL);
	guest_call_start(&traffic.sender, keep_sending, traffic.packet, NULL);
}

/* Wait until more frames have gone either way. */
static void see_traffic(void)
{
	struct frameio_stats before, now;

	guest_stats(traffic.fd, &before);
	do {
		guest_poll(traffic.fd, 0, 1);
		guest_stats(traffic.fd, &now);
	} while (now.fs_write_received < before.fs_write_received + WINDOW ||
		 now.fs_read_queued < before.fs_read_queued + WINDOW);
}

/* The port is gone, or goes now: nobody is stuck, and all frames are accounted for. */
static void end_traffic(void)
{
	const bool ring = guest_over_rings();
	struct frameio_stats stats;
	ssize_t read_frames;

	ck_assert_int_gt(guest_call_join(&traffic.writer), 0);
	read_frames = guest_call_join(&traffic.reader);
	ck_assert_int_gt(read_frames, 0);
	stop = true;
	ck_assert_int_gt(guest_call_join(&traffic.sender), 0);
	ck_assert(guest_poll(traffic.fd, POLLIN, -1) & POLLHUP);
	guest_stats(traffic.fd, &stats);
	ck_assert_uint_eq(stats.fs_write_frames[ring ? FRAMEIO_MODE_RING : FRAMEIO_MODE_VECTOR],
			  stats.fs_write_received + stats.fs_write_drop_closed);
	/* what is in a ring when the port goes is the program's */
	if (ring)
		ck_assert_uint_ge(stats.fs_read_frames[FRAMEIO_MODE_RING], read_frames);
	else
		ck_assert_uint_eq(stats.fs_read_frames[FRAMEIO_MODE_SINGLE], read_frames);
	close(traffic.packet);
	close(traffic.fd);
}

static void wait_for_interface(const char *driver)
{
	char name[IF_NAMESIZE];

	while (!find_interface(driver, name))
		;
}

START_TEST(unplugged_in_full_traffic)
{
	char path[300], device[PATH_MAX], *end;
	int i;

	for (i = 0; i < 3; i++) {
		use_drivers(_i);
		start_traffic();
		see_traffic();
		snprintf(path, sizeof(path), "/sys/class/net/%s/device", nic);
		ck_assert_ptr_nonnull(realpath(path, device));
		end = strstr(device, "/virtio");
		if (end)
			*end = '\0';
		guest_write_file("1", "%s/remove", device);
		end_traffic();
		ck_assert_uint_eq(if_nametoindex(nic), 0);
		guest_write_file("1", "/sys/bus/pci/rescan");
		wait_for_interface(drivers[_i]);
	}
}
END_TEST

/* All that an administrator may do to a NIC that is in use. */
START_TEST(changed_in_full_traffic)
{
	static const char *const changes[] = {
		"ip link set %s down && ip link set %s up",
		"ethtool -K %s tx off >/dev/null 2>&1 && ethtool -K %s tx on >/dev/null 2>&1 || :",
		"ethtool -K %s sg off >/dev/null 2>&1 && ethtool -K %s sg on >/dev/null 2>&1 || :",
		"ethtool -K %s gro off && ethtool -K %s gro on",
		"ethtool -G %s tx 128 2>/dev/null && ethtool -G %s tx 256 2>/dev/null || :",
		"ip link set %s mtu 1400 && ip link set %s mtu 1500",
		"ip link set %s promisc on && ip link set %s promisc off",
		"tc qdisc replace dev %s root fq && tc qdisc del dev %s root",
	};
	struct frameio_delete request = { .fd_reserved = { 0 } };
	size_t i;
	int fd;

	use_drivers(_i);
	start_traffic();
	for (i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		see_traffic();
		/* the formats are those above */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		guest_sh(changes[i], nic, nic);
#pragma GCC diagnostic pop
	}
	see_traffic();
	fd = guest_control();
	strcpy(request.fd_name, nic);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_DELETE, &request), 0);
	close(fd);
	end_traffic();
	/* it is as any other again */
	guest_wait_running(nic);
	fd = attach(nic);
	traffic.packet = guest_packet_socket(far);
	guest_sh("ip link show %s | grep -q 'mtu 1500'", nic);
	write_numbered(fd, LATE, WINDOW);
	receive_numbered(traffic.packet, LATE, WINDOW);
	close(traffic.packet);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("driver");
	/* a test that failed has left its port behind */
	TCase *tcase = guest_tcase(suite, "driver", 120, guest_delete_ports, guest_delete_ports);

	tcase_add_unchecked_fixture(tcase, load_drivers, NULL);
	tcase_add_loop_test(tcase, every_frame_goes_both_ways, 0, 2);
	tcase_add_loop_test(tcase, a_writer_that_does_not_wait_loses_nothing, 0, 2);
	tcase_add_loop_test(tcase, segments_and_checksums_are_made, 0, 2);
	tcase_add_loop_test(tcase, tags_stay_beside_the_frame, 0, 2);
	tcase_add_loop_test(tcase, promiscuity_shows_what_others_are_sent, 0, 2);
	tcase_add_loop_test(tcase, unplugged_in_full_traffic, 0, 2);
	tcase_add_loop_test(tcase, changed_in_full_traffic, 0, 2);
	return guest_run(suite);
}
