/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_TLS_WHY_H
#define COMMON_TLS_WHY_H

#include "common/tls.h"

/*
 * A PEM file of ours could not be used: why, as "WHAT FILE: reason", from the file itself and
 * OpenSSL's list of errors, which is empty afterwards. what: "certificate", "key" or "authorities".
 * -ERR_CONFIG.
 */
MUST_CHECK int tls_file_failed(char why[TLS_WHY_SIZE], const char *what, const char *file);

#endif
