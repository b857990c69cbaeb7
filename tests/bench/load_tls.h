/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_LOAD_TLS_H
#define TESTS_BENCH_LOAD_TLS_H

#include <stddef.h>
#include <sys/types.h>

/* TLS of the load client's legs. Failures that no run survives end the process. */
struct load_tls;

/* pem: file with the certificate and key of all legs. Handshake on a connected, blocking socket. */
struct load_tls *load_tls_connect(int fd, const char *pem);
/* As send() and recv() of a non-blocking socket; a receive empties what has come, up to len. */
ssize_t load_tls_send(struct load_tls *t, const void *data, size_t len);
ssize_t load_tls_recv(struct load_tls *t, void *data, size_t len);

#endif
