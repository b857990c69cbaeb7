/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_TLS_FILES_H
#define COMMON_TLS_FILES_H

#include "common/tls.h"

/*
 * For a library that reads its identity from a folder: dir/agent.pem with our certificate and key
 * (settings as for tls_new), and dir/cafile.pem with the authorities of the file `ca` ("": none) and
 * the intermediates of our own chain, where there are any of either. All 0600, and new.
 * -ERR_CONFIG, -ERR_IO with a sentence in why.
 */
MUST_CHECK int tls_files_write(const struct tls_settings *settings, const char *ca, const char *dir,
			       char why[TLS_WHY_SIZE]);
/* Take them away, and the folder. */
void tls_files_remove(const char *dir);
/*
 * What failed handshakes of one stream left in the library's list of errors would be read as an error
 * of the next one: call before each step of a library that shares it.
 */
void tls_forget_errors(void);

#endif
