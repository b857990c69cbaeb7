/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_MIX_H
#define TESTS_BENCH_MIX_H

#include <stddef.h>
#include <stdint.h>

/*
 * What comes with chat in operators' rooms: notifications that a line was delivered and displayed,
 * and typing indications, as whole SENDs of member `id` (sip:user<id>@example.com).
 */
#define MIX_MAX    2048 /* octets of one */
#define MIX_TYPING 5    /* members who type meanwhile, for each line */

/* A line of user0 is asked about by these CPIM headers; %016lx: its id. */
#define MIX_ASK                                                                                    \
	"NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: %016lx\r\n"                           \
	"imdn.Disposition-Notification: positive-delivery, display\r\n"

/* paths: To-Path and From-Path lines. Returns the length. */
size_t mix_imdn(char out[MIX_MAX], const char *paths, int id, uint64_t line, int displayed);
size_t mix_typing(char out[MIX_MAX], const char *paths, int id);

#endif
