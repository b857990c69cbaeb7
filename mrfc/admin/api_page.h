/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_ADMIN_API_PAGE_H
#define MRFC_ADMIN_API_PAGE_H

#include "common/slice.h"

/* The page at "/": conferences, participants and MRFPs, refreshed from the API. Static text. */
struct slice api_page(void);
/* Its Content-Security-Policy: nothing from elsewhere, no frames. */
#define API_PAGE_POLICY                                                                            \
	"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "              \
	"connect-src 'self'; frame-ancestors 'none'"

#endif
