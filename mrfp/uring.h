/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFP_URING_H
#define MRFP_URING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/err.h"

/*
 * Many socket operations in one system call (io_uring). Nothing is ever left with the kernel: a
 * batch is prepared, run, and read; no operation waits for its socket.
 */
struct uring;

#define URING_MAX 512 /* operations in a batch */

/*
 * Set up and try one send and one receive. -ERR_IO with errno where the kernel or a sandbox does
 * not allow it.
 */
MUST_CHECK int uring_open(struct uring **uring_r);
void uring_close(struct uring **u);

/*
 * Add one operation; at most URING_MAX. *msg with its iovecs, and buf, must live until uring_run().
 * Neither waits: -EAGAIN is the result then; a send may be short. No SIGPIPE.
 */
void uring_send(struct uring *u, int fd, const struct msghdr *msg);
void uring_recv(struct uring *u, int fd, void *buf, size_t len);
/*
 * Run the batch. The result of each operation in the order they were added: octets, or a negative
 * errno. Valid until the next one is added. What the kernel did not take for lack of means is
 * -EAGAIN.
 */
const int32_t *uring_run(struct uring *u);
/* False when the last batch failed as a whole (its results hold): the ring is not to be used again. */
bool uring_ok(const struct uring *u);

/* Let time pass, so that more comes in before it is looked at. */
void uring_rest(struct uring *u, unsigned us);

#endif
