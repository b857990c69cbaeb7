/* SPDX-License-Identifier: Apache-2.0 */
/* The table of ends: cause -> SIP status, Reason, roster, log level, counter, membership. Pure. */
#include "mrfc/conference/unwind.h"

#include "common/slice.h"
#include "proto/ctl_msgs.h"

static const struct unwind_rule rules[UNWIND_N] = {
	[UNWIND_DEPARTED] = {"departed", 487, 0, 487, "Left", CONFINFO_DEPARTED, LOG_INFO,
			     UNWIND_ASKED},
	[UNWIND_CANCELLED] = {"cancelled", 487, 0, 487, "Cancelled", CONFINFO_DEPARTED, LOG_INFO,
			      UNWIND_STAYS},
	[UNWIND_BAD_SDP] = {"bad_sdp", 400, 0, 400, "Malformed session description",
			    CONFINFO_FAILED, LOG_INFO, UNWIND_STAYS},
	[UNWIND_NOT_ACCEPTABLE] = {"not_acceptable", 488, 0, 488, "No acceptable media",
				   CONFINFO_FAILED, LOG_INFO, UNWIND_STAYS},
	[UNWIND_BAD_ANSWER] = {"bad_answer", 488, 0, 488, "No acceptable answer", CONFINFO_FAILED,
			       LOG_INFO, UNWIND_STAYS},
	[UNWIND_NO_MRFP] = {"no_mrfp", 503, 5, 503, "No MRFP", CONFINFO_FAILED, LOG_WARN,
			    UNWIND_STAYS},
	[UNWIND_MRFP_FULL] = {"mrfp_full", 503, 30, 503, "MRFP is full", CONFINFO_FAILED, LOG_WARN,
			      UNWIND_STAYS},
	[UNWIND_MRFP_TIMEOUT] = {"mrfp_timeout", 503, 5, 503, "MRFP does not answer",
				 CONFINFO_FAILED, LOG_WARN, UNWIND_STAYS},
	[UNWIND_MRFP_REFUSED] = {"mrfp_refused", 488, 0, 488, "Media address is not allowed",
				 CONFINFO_FAILED, LOG_WARN, UNWIND_STAYS},
	[UNWIND_STORE_FAILED] = {"store_failed", 503, 5, 503, "State could not be stored",
				 CONFINFO_FAILED, LOG_ERROR, UNWIND_STAYS},
	[UNWIND_NO_ACK] = {"no_ack", 408, 0, 408, "No ACK", CONFINFO_FAILED, LOG_INFO,
			   UNWIND_STAYS},
	[UNWIND_NO_PRACK] = {"no_prack", 504, 0, 504, "No PRACK", CONFINFO_FAILED, LOG_INFO,
			     UNWIND_STAYS},
	[UNWIND_EXPIRED] = {"session_expired", 408, 0, 408, "Session expired", CONFINFO_FAILED,
			    LOG_INFO, UNWIND_STAYS},
	[UNWIND_GONE] = {"peer_gone", 408, 0, 408, "No answer", CONFINFO_FAILED, LOG_INFO,
			 UNWIND_STAYS},
	[UNWIND_MEDIA_LOST] = {"media_lost", 408, 0, 408, "Media lost", CONFINFO_FAILED, LOG_INFO,
			       UNWIND_STAYS},
	[UNWIND_TOO_SLOW] = {"too_slow", 408, 0, 408, "Media too slow", CONFINFO_FAILED, LOG_INFO,
			     UNWIND_STAYS},
	[UNWIND_QUIET] = {"quiet", 408, 0, 408, "Session idle", CONFINFO_DEPARTED, LOG_INFO,
			  UNWIND_STAYS},
	[UNWIND_FLOOD] = {"flood", 603, 0, 603, "Too many messages", CONFINFO_BOOTED, LOG_WARN,
			  UNWIND_STAYS},
	[UNWIND_MRFP_LOST] = {"mrfp_lost", 503, 5, 503, "MRFP lost", CONFINFO_FAILED, LOG_WARN,
			      UNWIND_STAYS},
	[UNWIND_REMOVED] = {"removed", 603, 0, 603, "Removed", CONFINFO_BOOTED, LOG_INFO,
			    UNWIND_LEAVES},
	[UNWIND_REPLACED] = {"replaced", 603, 0, 200, "Call completed elsewhere", CONFINFO_DEPARTED,
			     LOG_INFO, UNWIND_LEAVES},
	[UNWIND_ENDED] = {"ended", 410, 0, 410, "Conference ended", CONFINFO_BOOTED, LOG_INFO,
			  UNWIND_STAYS},
	[UNWIND_OVERDUE] = {"overdue", 410, 0, 410, "The time of the conference is over",
			    CONFINFO_BOOTED, LOG_INFO, UNWIND_STAYS},
	[UNWIND_SHUTDOWN] = {"shutdown", 503, 5, 503, "Server stops", CONFINFO_BOOTED, LOG_INFO,
			     UNWIND_STAYS},
	[UNWIND_RESTARTED] = {"restarted", 503, 5, 503, "Server was restarted", CONFINFO_FAILED,
			      LOG_INFO, UNWIND_STAYS},
	[UNWIND_REFUSED] = {"refused", 480, 0, 480, "Refused", CONFINFO_FAILED, LOG_INFO,
			    UNWIND_ASKED},
	[UNWIND_BUSY] = {"busy", 486, 0, 486, "Busy", CONFINFO_BUSY, LOG_INFO, UNWIND_STAYS},
	[UNWIND_NO_ROUTE] = {"no_route", 503, 0, 503,
			     "No route: the host must be numeric or sip.outbound_proxy set",
			     CONFINFO_FAILED, LOG_INFO, UNWIND_STAYS},
	[UNWIND_NO_KEY] = {"no_key", 403, 0, 403, "No key for this user", CONFINFO_FAILED, LOG_INFO,
			   UNWIND_STAYS},
	[UNWIND_BAD_KEY] = {"bad_key", 488, 0, 488, "Key management failed", CONFINFO_FAILED,
			    LOG_INFO, UNWIND_STAYS},
	[UNWIND_STALE_KEY] = {"stale_key", 488, 0, 488, "The group key was not confirmed",
			      CONFINFO_FAILED, LOG_INFO, UNWIND_STAYS},
	[UNWIND_NO_KEY_SERVER] = {"no_key_server", 503, 5, 503, "No key server", CONFINFO_FAILED,
				  LOG_WARN, UNWIND_STAYS},
	[UNWIND_BAD_KEY_SERVER] = {"bad_key_server", 603, 0, 603, "Key server misbehaves",
				   CONFINFO_BOOTED, LOG_WARN, UNWIND_STAYS},
};

const struct unwind_rule *unwind_rule(enum unwind_cause cause)
{
	return &rules[cause];
}

/* Is "cause" of a Reason value for SIP 200? (RFC 3326: protocol, then parameters.) */
static bool says_done(const char *reason)
{
	struct slice rest = slice_str(reason), one, protocol;

	if (!slice_next(&rest, ';', &protocol) || !slice_ieq_str(slice_trim(protocol), "SIP"))
		return false;
	while (slice_next(&rest, ';', &one)) {
		struct slice name;

		one = slice_trim(one);
		if (slice_next(&one, '=', &name) && slice_ieq_str(slice_trim(name), "cause"))
			return slice_eq_str(slice_trim(one), "200");
	}
	return false;
}

static bool is_final(int status)
{
	return status == 404 || status == 410 || status == 484 || status == 485 || status == 416 ||
	       status == 603 || status == 604;
}

bool unwind_ends_membership(enum unwind_cause cause, bool by_reason, const char *reason, int status)
{
	if (rules[cause].member != UNWIND_ASKED)
		return rules[cause].member == UNWIND_LEAVES;
	if (cause == UNWIND_REFUSED)
		return is_final(status);
	return !by_reason || (reason != NULL && says_done(reason));
}

enum unwind_cause unwind_of_media(int err)
{
	switch (err) {
	case -ERR_LIMIT:
		return UNWIND_MRFP_FULL;
	case -ERR_TIMEOUT:
		return UNWIND_MRFP_TIMEOUT;
	case -ERR_DENIED:
		return UNWIND_MRFP_REFUSED;
	default:
		return UNWIND_NO_MRFP;
	}
}

enum unwind_cause unwind_of_lost(int ctl_lost)
{
	switch (ctl_lost) {
	case CTL_LOST_SLOW:
	case CTL_LOST_LOG:
		return UNWIND_TOO_SLOW;
	case CTL_LOST_QUIET:
		return UNWIND_QUIET;
	case CTL_LOST_FLOOD:
		return UNWIND_FLOOD;
	case CTL_LOST_SHUTDOWN:
		return UNWIND_MRFP_LOST;
	default:
		return UNWIND_MEDIA_LOST;
	}
}
