/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* read(2) and write(2): one record a call. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest.h"

START_TEST(read_returns_the_frame_that_was_sent)
{
	unsigned char sent[60], record[2048];
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	const struct frameio_hdr *hdr = (void *)record;

	guest_fill(sent, sizeof(sent), 1, 0);
	ck_assert_int_eq(send(packet, sent, sizeof(sent), 0), sizeof(sent));
	ck_assert_int_eq(read(port, record, sizeof(record)), HDRLEN + sizeof(sent));
	ck_assert_uint_eq(hdr->version, FRAMEIO_HDR_VERSION);
	ck_assert_uint_eq(hdr->hdrlen, HDRLEN);
	ck_assert_uint_eq(hdr->len, sizeof(sent));
	ck_assert_uint_eq(hdr->wirelen, sizeof(sent));
	ck_assert_mem_eq(record + HDRLEN, sent, sizeof(sent));
}
END_TEST

START_TEST(write_is_received_by_the_kernel)
{
	unsigned char record[HDRLEN + 60], received[2048];
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_record(record, 60, 2, 0);
	ck_assert_int_eq(write(port, record, sizeof(record)), sizeof(record));
	ck_assert_int_eq(recv(packet, received, sizeof(received), 0), 60);
	ck_assert_mem_eq(received, record + HDRLEN, 60);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("single");
	TCase *tcase = tcase_create("single");

	tcase_add_test(tcase, read_returns_the_frame_that_was_sent);
	tcase_add_test(tcase, write_is_received_by_the_kernel);
	suite_add_tcase(suite, tcase);
	return guest_run(suite);
}
