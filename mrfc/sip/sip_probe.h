/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MRFC_SIP_SIP_PROBE_H
#define MRFC_SIP_SIP_PROBE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * OPTIONS to each next hop at an interval (RFC 3261 11): any answer but 503 says that it is up. One
 * that is down is asked more often, so that its return is seen soon.
 */
struct sip_probe;
struct sip_agent;

/* The agent's hops and times must be set. interval_ms 0: NULL, no probes. */
struct sip_probe *sip_probe_new(struct sip_agent *a, unsigned interval_ms);
void sip_probe_free(struct sip_probe **p);
/* A request of ours was answered by the hop or not: its state is told where it changed. */
void sip_hop_report(struct sip_agent *a, size_t hop, bool ok);

#endif
