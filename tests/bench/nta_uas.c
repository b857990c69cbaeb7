/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a SIP server on Sofia's transaction layer can do: INVITE gets 200 with a body that
 * was made before, ACK is read, BYE gets 200. One dialog leg per call, nothing else. The reference
 * of calls.py. Prints "ready sip=HOST:PORT".
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct call;
#define NTA_LEG_MAGIC_T      struct call
#define NTA_INCOMING_MAGIC_T struct call
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_tag.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_wait.h>
#include <sofia-sip/tport_tag.h>

#define SDP                                                                                        \
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"                \
	"m=message 2855 TCP/MSRP *\r\na=path:msrp://127.0.0.1:2855/abcdefghijklmnop;tcp\r\n"       \
	"a=accept-types:message/cpim\r\na=accept-wrapped-types:*\r\na=setup:passive\r\n"           \
	"a=chatroom:nickname private-messages\r\n"

struct call {
	nta_leg_t *leg;
	nta_incoming_t *invite;
};

static nta_agent_t *agent;
static char contact[128];

static int on_ack(struct call *c, nta_incoming_t *irq, sip_t const *sip)
{
	(void)sip;
	nta_incoming_destroy(irq);
	c->invite = NULL;
	return 0;
}

static int on_dialog(struct call *c, nta_leg_t *leg, nta_incoming_t *irq, sip_t const *sip)
{
	if (sip->sip_request->rq_method != sip_method_bye)
		return 501;
	nta_incoming_treply(irq, SIP_200_OK, TAG_END());
	nta_incoming_destroy(irq);
	if (c->invite != NULL)
		nta_incoming_destroy(c->invite);
	nta_leg_destroy(leg);
	free(c);
	return 0;
}

static int on_request(struct call *none, nta_leg_t *leg, nta_incoming_t *irq, sip_t const *sip)
{
	struct call *c;

	(void)none;
	(void)leg;
	if (sip->sip_request->rq_method == sip_method_ack)
		return 0;
	if (sip->sip_request->rq_method != sip_method_invite || sip->sip_to->a_tag != NULL)
		return 481;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return 500;
	c->invite = irq;
	c->leg = nta_leg_tcreate(agent, on_dialog, c, SIPTAG_CALL_ID(sip->sip_call_id),
				 SIPTAG_FROM(sip->sip_to), SIPTAG_TO(sip->sip_from), TAG_END());
	nta_leg_tag(c->leg, nta_incoming_tag(irq, NULL));
	nta_leg_server_route(c->leg, sip->sip_record_route, sip->sip_contact);
	nta_incoming_bind(irq, on_ack, c);
	nta_incoming_treply(irq, SIP_200_OK, SIPTAG_CONTACT_STR(contact),
			    SIPTAG_HEADER_STR("Supported: timer\r\n"
					      "Session-Expires: 1800;refresher=uac\r\n"
					      "Require: timer\r\n"),
			    SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(SDP),
			    TAG_END());
	return 0;
}

/* The same loop as the server's: Sofia's descriptor, three steps at most. */
static void run(su_root_t *root, int fd)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		su_duration_t rest;
		int n = 0;

		do {
			rest = su_root_step(root, 0);
		} while (rest == 0 && ++n < 3);
		(void)poll(&p, 1, rest <= 0 ? 1 : rest > 200 ? 200 : (int)rest);
	}
}

int main(int argc, char *argv[])
{
	char url[64];
	su_root_t *root;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: nta_uas PORT\n");
		return 64;
	}
	su_init();
	fd = open("/dev/null", O_RDONLY);
	close(fd);
	root = su_root_create(NULL);
	su_root_multishot(root, 0);
	snprintf(url, sizeof(url), "sip:127.0.0.1:%s", argv[1]);
	snprintf(contact, sizeof(contact), "<sip:x@127.0.0.1:%s>;isfocus", argv[1]);
	agent = nta_agent_create(root, URL_STRING_MAKE(url), NULL, NULL, NTATAG_UA(1),
				 NTATAG_SERVER_RPORT(1), NTATAG_USE_NAPTR(0), NTATAG_USE_SRV(0),
				 TPTAG_QUEUESIZE(2000), TPTAG_UDP_RMEM(4 << 20), TAG_END());
	if (agent == NULL ||
	    nta_leg_tcreate(agent, on_request, NULL, NTATAG_NO_DIALOG(1), TAG_END()) == NULL) {
		fprintf(stderr, "nta_uas: cannot listen on port %s\n", argv[1]);
		return 1;
	}
	printf("ready sip=127.0.0.1:%s\n", argv[1]);
	fflush(stdout);
	run(root, fd);
	return 0;
}
