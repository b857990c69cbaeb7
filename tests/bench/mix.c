/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications (RFC 5438) and typing indications (RFC 3994) as a load client's members send them. */
#include "mix.h"

#include <stdio.h>
#include <string.h>

static uint64_t serial;

static size_t send_text(char out[MIX_MAX], const char *paths, const char *cpim)
{
	size_t len = strlen(cpim);

	serial++;
	return (size_t)snprintf(out, MIX_MAX,
				"MSRP x%010lu SEND\r\n%sMessage-ID: x%010lu\r\n"
				"Byte-Range: 1-%zu/%zu\r\nContent-Type: message/cpim\r\n\r\n"
				"%s\r\n-------x%010lu$\r\n",
				serial, paths, serial, len, len, cpim, serial);
}

size_t mix_imdn(char out[MIX_MAX], const char *paths, int id, uint64_t line, int displayed)
{
	const char *kind = displayed ? "display" : "delivery";
	char cpim[1200];

	snprintf(
		cpim, sizeof(cpim),
		"From: <sip:user%d@example.com>\r\nTo: <sip:user0@example.com>\r\n"
		"DateTime: 2026-01-01T00:00:01Z\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
		"imdn.Message-ID: n%lu\r\n\r\nContent-Type: message/imdn+xml\r\n"
		"Content-Disposition: notification\r\n\r\n"
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
		"<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">\r\n<message-id>%016lx</message-id>\r\n"
		"<datetime>2026-01-01T00:00:00Z</datetime>\r\n"
		"<recipient-uri>sip:room@conf.example.com</recipient-uri>\r\n"
		"<%s-notification><status><%s/></status></%s-notification>\r\n</imdn>",
		id, serial, line, kind, displayed ? "displayed" : "delivered", kind);
	return send_text(out, paths, cpim);
}

size_t mix_typing(char out[MIX_MAX], const char *paths, int id)
{
	char cpim[1200];

	snprintf(cpim, sizeof(cpim),
		 "From: <sip:user%d@example.com>\r\nTo: <sip:room@conf.example.com>\r\n"
		 "DateTime: 2026-01-01T00:00:00Z\r\n\r\n"
		 "Content-Type: application/im-iscomposing+xml\r\n\r\n"
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
		 "<isComposing xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\">"
		 "<state>active</state><contenttype>text/plain</contenttype>"
		 "<refresh>60</refresh></isComposing>",
		 id);
	return send_text(out, paths, cpim);
}
