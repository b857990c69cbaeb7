/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_CONSENT_FILE_H
#define MRFC_CONSENT_FILE_H

#include "mrfc/conference/urilist.h"

/*
 * The users of option list.consent: "trusted" gives NULL (everybody has agreed), else the file's.
 * -ERR_CONFIG with a sentence in why.
 */
MUST_CHECK int consent_file_read(const char *setting, char *why, size_t why_size,
				 struct urilist_consent **consent_r);

#endif
