-- SPDX-License-Identifier: Apache-2.0
-- Made by proto/ctl_docs.py from proto/ctl_msgs.def; changes here are overwritten.
--
-- Wireshark and tshark dissector of the control protocol between MRFC and MRFP:
--   tshark -X lua_script:docs/mrf-mp.lua -r FILE -d tcp.port==PORT,mrf
-- Captures of link type USER0 are read as the octets of the stream, one or more frames a packet.

local HEAD_SIZE = 28
local TLV_HEAD_SIZE = 6
local MUST = 0x8000

local mrf = Proto("mrf", "MRF control protocol (Mp)")

local bodies = {
	service_change = {
		[0x0001] = { field = ProtoField.uint8("mrf.service_change.method", "method", base.DEC, {[1] = "register", [2] = "drain", [3] = "forced"}) },
		[0x0002] = { field = ProtoField.string("mrf.service_change.mrfp_id", "mrfp_id") },
		[0x0003] = { field = ProtoField.uint64("mrf.service_change.incarnation", "incarnation", base.HEX) },
		[0x0004] = { field = ProtoField.uint8("mrf.service_change.version_max", "version_max") },
		[0x0005] = { field = ProtoField.string("mrf.service_change.msrp", "msrp") },
		[0x0006] = { field = ProtoField.string("mrf.service_change.msrp_tls", "msrp_tls") },
		[0x0007] = { field = ProtoField.uint64("mrf.service_change.max_size", "max_size") },
		[0x0008] = { field = ProtoField.uint32("mrf.service_change.max_terminations", "max_terminations") },
		[0x0009] = { field = ProtoField.uint32("mrf.service_change.contexts", "contexts") },
		[0x000a] = { field = ProtoField.uint32("mrf.service_change.terminations", "terminations") },
		[0x000b] = { field = ProtoField.string("mrf.service_change.msrp_wss", "msrp_wss") },
		[0x000c] = { field = ProtoField.string("mrf.service_change.fingerprint", "fingerprint") },
		[0x000d] = { field = ProtoField.string("mrf.service_change.advertise", "advertise") },
	},
	result = {
		[0x0101] = { field = ProtoField.uint16("mrf.result.code", "code", base.DEC, {[0] = "OK", [1] = "BAD_FRAME", [2] = "UNKNOWN_COMMAND", [3] = "UNKNOWN_FIELD", [4] = "MISSING_FIELD", [5] = "BAD_VALUE", [6] = "STALE_EPOCH", [7] = "UNKNOWN_CONTEXT", [8] = "UNKNOWN_TERMINATION", [9] = "NO_RESOURCES", [10] = "DRAINING", [11] = "VERSION", [12] = "NOT_ALLOWED", [13] = "BUSY", [14] = "NOT_REGISTERED"}) },
		[0x0102] = { field = ProtoField.string("mrf.result.reason", "reason") },
		[0x0103] = { field = ProtoField.uint64("mrf.result.incarnation", "incarnation", base.HEX) },
		[0x0104] = { field = ProtoField.uint8("mrf.result.version", "version") },
		[0x0105] = { field = ProtoField.uint16("mrf.result.status", "status") },
	},
	add = {
		[0x0201] = { field = ProtoField.uint64("mrf.add.epoch", "epoch") },
		[0x0202] = { field = ProtoField.uint64("mrf.add.termination", "termination") },
		[0x0203] = { field = ProtoField.uint8("mrf.add.kind", "kind", base.DEC, {[1] = "chat", [2] = "relay", [3] = "file"}) },
		[0x0204] = { field = ProtoField.string("mrf.add.conference", "conference") },
		[0x0205] = { field = ProtoField.string("mrf.add.aliases", "aliases") },
		[0x0206] = { field = ProtoField.uint8("mrf.add.policy", "policy") },
		[0x0207] = { field = ProtoField.string("mrf.add.uris", "uris") },
		[0x0208] = { field = ProtoField.uint8("mrf.add.transport", "transport", base.DEC, {[1] = "TCP", [2] = "TLS", [3] = "WebSocket"}) },
		[0x0209] = { field = ProtoField.string("mrf.add.remote_path", "remote_path") },
		[0x020a] = { field = ProtoField.uint8("mrf.add.setup", "setup", base.DEC, {[1] = "active", [2] = "passive", [3] = "not known yet"}) },
		[0x020b] = { field = ProtoField.string("mrf.add.connect", "connect") },
		[0x020c] = { field = ProtoField.uint8("mrf.add.match", "match", base.DEC, {[1] = "whole URI", [2] = "session-id only"}) },
		[0x020d] = { field = ProtoField.uint8("mrf.add.caps", "caps") },
		[0x020e] = { field = ProtoField.string("mrf.add.accept_types", "accept_types") },
		[0x020f] = { field = ProtoField.string("mrf.add.accept_wrapped_types", "accept_wrapped_types") },
		[0x0210] = { field = ProtoField.uint64("mrf.add.max_size", "max_size") },
		[0x0211] = { field = ProtoField.uint8("mrf.add.direction", "direction", base.DEC, {[0] = "sendrecv", [1] = "sendonly", [2] = "recvonly", [3] = "inactive"}) },
		[0x0212] = { field = ProtoField.uint8("mrf.add.new_local", "new_local") },
		[0x0213] = { field = ProtoField.string("mrf.add.source", "source") },
		[0x0214] = { field = ProtoField.string("mrf.add.local_session", "local_session") },
		[0x0215] = { field = ProtoField.uint8("mrf.add.family", "family") },
		[0x0217] = { field = ProtoField.string("mrf.add.fingerprints", "fingerprints") },
		[0x0218] = { field = ProtoField.uint64("mrf.add.max_message", "max_message") },
		[0x0219] = { field = ProtoField.uint64("mrf.add.max_file", "max_file") },
		[0x021a] = { field = ProtoField.uint8("mrf.add.away", "away") },
		[0x021b] = { field = ProtoField.uint8("mrf.add.listener", "listener") },
		[0x021c] = { field = ProtoField.uint8("mrf.add.hold", "hold") },
		[0x021e] = { field = ProtoField.bytes("mrf.add.key_domain", "key_domain") },
		[0x021f] = { field = ProtoField.uint32("mrf.add.key_epoch", "key_epoch") },
		[0x0220] = { field = ProtoField.uint32("mrf.add.key_newest", "key_newest") },
		[0x0221] = { field = ProtoField.string("mrf.add.psk_identity", "psk_identity") },
		[0x0222] = { field = ProtoField.bytes("mrf.add.psk", "psk") },
		[0x0223] = { field = ProtoField.uint8("mrf.add.by_name", "by_name") },
		[0x0225] = { field = ProtoField.uint8("mrf.add.key_server", "key_server") },
	},
	add_reply = {
		[0x0101] = { field = ProtoField.uint16("mrf.add_reply.code", "code", base.DEC, {[0] = "OK", [1] = "BAD_FRAME", [2] = "UNKNOWN_COMMAND", [3] = "UNKNOWN_FIELD", [4] = "MISSING_FIELD", [5] = "BAD_VALUE", [6] = "STALE_EPOCH", [7] = "UNKNOWN_CONTEXT", [8] = "UNKNOWN_TERMINATION", [9] = "NO_RESOURCES", [10] = "DRAINING", [11] = "VERSION", [12] = "NOT_ALLOWED", [13] = "BUSY", [14] = "NOT_REGISTERED"}) },
		[0x0102] = { field = ProtoField.string("mrf.add_reply.reason", "reason") },
		[0x0301] = { field = ProtoField.string("mrf.add_reply.local_path", "local_path") },
		[0x0302] = { field = ProtoField.string("mrf.add_reply.address", "address") },
		[0x000c] = { field = ProtoField.string("mrf.add_reply.fingerprint", "fingerprint") },
	},
	modify = {
		[0x0201] = { field = ProtoField.uint64("mrf.modify.epoch", "epoch") },
		[0x0202] = { field = ProtoField.uint64("mrf.modify.termination", "termination") },
		[0x0205] = { field = ProtoField.string("mrf.modify.aliases", "aliases") },
		[0x0206] = { field = ProtoField.uint8("mrf.modify.policy", "policy") },
		[0x0207] = { field = ProtoField.string("mrf.modify.uris", "uris") },
		[0x0209] = { field = ProtoField.string("mrf.modify.remote_path", "remote_path") },
		[0x020a] = { field = ProtoField.uint8("mrf.modify.setup", "setup") },
		[0x020b] = { field = ProtoField.string("mrf.modify.connect", "connect") },
		[0x020c] = { field = ProtoField.uint8("mrf.modify.match", "match") },
		[0x020d] = { field = ProtoField.uint8("mrf.modify.caps", "caps") },
		[0x020e] = { field = ProtoField.string("mrf.modify.accept_types", "accept_types") },
		[0x020f] = { field = ProtoField.string("mrf.modify.accept_wrapped_types", "accept_wrapped_types") },
		[0x0210] = { field = ProtoField.uint64("mrf.modify.max_size", "max_size") },
		[0x0211] = { field = ProtoField.uint8("mrf.modify.direction", "direction") },
		[0x0212] = { field = ProtoField.uint8("mrf.modify.new_local", "new_local") },
		[0x0216] = { field = ProtoField.string("mrf.modify.nickname", "nickname") },
		[0x0217] = { field = ProtoField.string("mrf.modify.fingerprints", "fingerprints") },
		[0x0218] = { field = ProtoField.uint64("mrf.modify.max_message", "max_message") },
		[0x0219] = { field = ProtoField.uint64("mrf.modify.max_file", "max_file") },
		[0x021a] = { field = ProtoField.uint8("mrf.modify.away", "away") },
		[0x021b] = { field = ProtoField.uint8("mrf.modify.listener", "listener") },
		[0x021c] = { field = ProtoField.uint8("mrf.modify.hold", "hold") },
		[0x021e] = { field = ProtoField.bytes("mrf.modify.key_domain", "key_domain") },
		[0x021f] = { field = ProtoField.uint32("mrf.modify.key_epoch", "key_epoch") },
		[0x0220] = { field = ProtoField.uint32("mrf.modify.key_newest", "key_newest") },
		[0x0221] = { field = ProtoField.string("mrf.modify.psk_identity", "psk_identity") },
		[0x0222] = { field = ProtoField.bytes("mrf.modify.psk", "psk") },
		[0x0223] = { field = ProtoField.uint8("mrf.modify.by_name", "by_name") },
		[0x0225] = { field = ProtoField.uint8("mrf.modify.key_server", "key_server") },
	},
	subtract = {
		[0x0201] = { field = ProtoField.uint64("mrf.subtract.epoch", "epoch") },
		[0x0202] = { field = ProtoField.uint64("mrf.subtract.termination", "termination") },
		[0x021d] = { field = ProtoField.uint8("mrf.subtract.missed", "missed") },
		[0x0224] = { field = ProtoField.uint32("mrf.subtract.grace", "grace") },
	},
	subtract_reply = {
		[0x0101] = { field = ProtoField.uint16("mrf.subtract_reply.code", "code", base.DEC, {[0] = "OK", [1] = "BAD_FRAME", [2] = "UNKNOWN_COMMAND", [3] = "UNKNOWN_FIELD", [4] = "MISSING_FIELD", [5] = "BAD_VALUE", [6] = "STALE_EPOCH", [7] = "UNKNOWN_CONTEXT", [8] = "UNKNOWN_TERMINATION", [9] = "NO_RESOURCES", [10] = "DRAINING", [11] = "VERSION", [12] = "NOT_ALLOWED", [13] = "BUSY", [14] = "NOT_REGISTERED"}) },
		[0x0102] = { field = ProtoField.string("mrf.subtract_reply.reason", "reason") },
		[0x0401] = { field = ProtoField.uint64("mrf.subtract_reply.messages_in", "messages_in") },
		[0x0402] = { field = ProtoField.uint64("mrf.subtract_reply.octets_in", "octets_in") },
		[0x0403] = { field = ProtoField.uint64("mrf.subtract_reply.copies_delivered", "copies_delivered") },
		[0x0404] = { field = ProtoField.uint64("mrf.subtract_reply.copies_lost", "copies_lost") },
	},
	inject = {
		[0x0201] = { field = ProtoField.uint64("mrf.inject.epoch", "epoch") },
		[0x0202] = { field = ProtoField.uint64("mrf.inject.termination", "termination") },
		[0x0501] = { field = ProtoField.string("mrf.inject.content_type", "content_type") },
		[0x0502] = { field = ProtoField.bytes("mrf.inject.body", "body") },
		[0x0503] = { field = ProtoField.uint64("mrf.inject.number", "number") },
	},
	notify = {
		[0x0601] = { field = ProtoField.uint8("mrf.notify.event", "event", base.DEC, {[1] = "bound", [2] = "lost", [3] = "nickname", [4] = "key", [5] = "accounting", [6] = "slow", [7] = "alarm", [8] = "load", [9] = "authorise", [10] = "owed", [11] = "told", [12] = "sealed"}) },
		[0x0202] = { field = ProtoField.uint64("mrf.notify.termination", "termination") },
		[0x0602] = { field = ProtoField.uint8("mrf.notify.cause", "cause", base.DEC, {[1] = "closed by the peer", [2] = "reset", [3] = "connect failed", [4] = "never bound", [5] = "too slow", [6] = "log limit", [7] = "refused", [8] = "shutdown", [9] = "idle", [10] = "quiet", [11] = "too many messages"}) },
		[0x0216] = { field = ProtoField.string("mrf.notify.nickname", "nickname") },
		[0x0502] = { field = ProtoField.bytes("mrf.notify.body", "body") },
		[0x0603] = { field = ProtoField.string("mrf.notify.text", "text") },
		[0x0404] = { field = ProtoField.uint64("mrf.notify.copies_lost", "copies_lost") },
		[0x0604] = { field = ProtoField.string("mrf.notify.peer", "peer") },
		[0x0605] = { field = ProtoField.uint32("mrf.notify.load", "load") },
		[0x0606] = { field = ProtoField.string("mrf.notify.message_id", "message_id") },
		[0x0607] = { field = ProtoField.string("mrf.notify.content_type", "content_type") },
		[0x0608] = { field = ProtoField.uint64("mrf.notify.size", "size") },
		[0x0609] = { field = ProtoField.uint64("mrf.notify.started", "started") },
		[0x060a] = { field = ProtoField.uint64("mrf.notify.ended", "ended") },
		[0x060b] = { field = ProtoField.uint8("mrf.notify.outcome", "outcome", base.DEC, {[1] = "delivered", [2] = "refused by the peer", [3] = "refused by us", [4] = "aborted by the sender", [5] = "lost", [6] = "the success REPORT asked for never came"}) },
		[0x060c] = { field = ProtoField.uint16("mrf.notify.status", "status") },
		[0x060d] = { field = ProtoField.uint64("mrf.notify.sender", "sender") },
		[0x060e] = { field = ProtoField.uint64("mrf.notify.number", "number") },
		[0x060f] = { field = ProtoField.string("mrf.notify.to", "to") },
	},
	audit = {
		[0x0701] = { field = ProtoField.uint64("mrf.audit.cursor", "cursor") },
	},
	audit_reply = {
		[0x0101] = { field = ProtoField.uint16("mrf.audit_reply.code", "code", base.DEC, {[0] = "OK", [1] = "BAD_FRAME", [2] = "UNKNOWN_COMMAND", [3] = "UNKNOWN_FIELD", [4] = "MISSING_FIELD", [5] = "BAD_VALUE", [6] = "STALE_EPOCH", [7] = "UNKNOWN_CONTEXT", [8] = "UNKNOWN_TERMINATION", [9] = "NO_RESOURCES", [10] = "DRAINING", [11] = "VERSION", [12] = "NOT_ALLOWED", [13] = "BUSY", [14] = "NOT_REGISTERED"}) },
		[0x0102] = { field = ProtoField.string("mrf.audit_reply.reason", "reason") },
		[0x0701] = { field = ProtoField.uint64("mrf.audit_reply.cursor", "cursor") },
		[0x0702] = { field = ProtoField.bytes("mrf.audit_reply.terminations", "terminations"), record = "audit_termination" },
	},
	audit_termination = {
		[0x0703] = { field = ProtoField.bytes("mrf.audit_termination.context", "context") },
		[0x0201] = { field = ProtoField.uint64("mrf.audit_termination.epoch", "epoch") },
		[0x0202] = { field = ProtoField.uint64("mrf.audit_termination.termination", "termination") },
		[0x0704] = { field = ProtoField.uint8("mrf.audit_termination.bound", "bound") },
		[0x0301] = { field = ProtoField.string("mrf.audit_termination.local_path", "local_path") },
		[0x0401] = { field = ProtoField.uint64("mrf.audit_termination.messages_in", "messages_in") },
		[0x0403] = { field = ProtoField.uint64("mrf.audit_termination.copies_delivered", "copies_delivered") },
		[0x0404] = { field = ProtoField.uint64("mrf.audit_termination.copies_lost", "copies_lost") },
	},
	keepalive = {
		[0x0605] = { field = ProtoField.uint32("mrf.keepalive.load", "load") },
	},
}

local commands = {
	[1] = { name = "SERVICE_CHANGE", request = "service_change", reply = "result" },
	[2] = { name = "ADD", request = "add", reply = "add_reply" },
	[3] = { name = "MODIFY", request = "modify", reply = "result" },
	[4] = { name = "SUBTRACT", request = "subtract", reply = "subtract_reply" },
	[5] = { name = "INJECT", request = "inject", reply = "result" },
	[6] = { name = "NOTIFY", request = "notify", reply = "result" },
	[7] = { name = "AUDIT_VALUE", request = "audit", reply = "audit_reply" },
	[8] = { name = "KEEPALIVE", request = "keepalive", reply = "result" },
}
local command_names = {}
for number, c in pairs(commands) do
	command_names[number] = c.name
end

local head = {
	length = ProtoField.uint32("mrf.length", "Length"),
	version = ProtoField.uint8("mrf.version", "Version"),
	command = ProtoField.uint8("mrf.command", "Command", base.DEC, command_names),
	reply = ProtoField.bool("mrf.reply", "Reply", 8, nil, 1),
	error = ProtoField.bool("mrf.error", "Error", 8, nil, 2),
	urgent = ProtoField.bool("mrf.urgent", "Urgent", 8, nil, 4),
	transaction = ProtoField.uint32("mrf.transaction", "Transaction"),
	context = ProtoField.bytes("mrf.context", "Context"),
	unknown = ProtoField.bytes("mrf.unknown", "Unknown field"),
}

-- A plain reply may carry fields of another body (MODIFY of a termination): any body's tag will do.
local by_tag = {}
local all_fields = {}
for _, f in pairs(head) do
	all_fields[#all_fields + 1] = f
end
for _, body in pairs(bodies) do
	for tag, entry in pairs(body) do
		by_tag[tag] = by_tag[tag] or entry
		all_fields[#all_fields + 1] = entry.field
	end
end
mrf.fields = all_fields

local expert_short = ProtoExpert.new("mrf.short", "Field passes the end of its frame", expert.group.MALFORMED,
	expert.severity.ERROR)
mrf.experts = { expert_short }

local function dissect_tlvs(range, body, tree)
	local at = 0
	while at < range:len() do
		local left = range:len() - at
		local len = left >= TLV_HEAD_SIZE and range:range(at + 2, 4):uint() or 0
		if left < TLV_HEAD_SIZE or len > left - TLV_HEAD_SIZE then
			tree:add_proto_expert_info(expert_short)
			return
		end
		local tag = range:range(at, 2):uint()
		if tag >= MUST then
			tag = tag - MUST
		end
		local entry = body[tag] or by_tag[tag]
		if not entry then
			tree:add(head.unknown, range:range(at, TLV_HEAD_SIZE + len))
		elseif len == 0 then
			tree:add(entry.field, range:range(at, 0), "")
		else
			local value = range:range(at + TLV_HEAD_SIZE, len)
			local item = tree:add(entry.field, value)
			if entry.record then
				dissect_tlvs(value, bodies[entry.record], item)
			end
		end
		at = at + TLV_HEAD_SIZE + len
	end
end

local function dissect_frame(tvb, pinfo, root)
	local range = tvb:range()
	local flags = tvb:range(6, 1)
	local command = commands[tvb:range(5, 1):uint()]
	local is_reply = flags:uint() % 2 == 1
	local name = (command and command.name or "unknown command") .. (is_reply and " reply" or "")
	local tree = root:add(mrf, range, "MRF control protocol, " .. name)

	tree:add(head.length, tvb:range(0, 4))
	tree:add(head.version, tvb:range(4, 1))
	tree:add(head.command, tvb:range(5, 1))
	tree:add(head.reply, flags)
	tree:add(head.error, flags)
	tree:add(head.urgent, flags)
	tree:add(head.transaction, tvb:range(8, 4))
	tree:add(head.context, tvb:range(12, 16))
	if tvb:len() > HEAD_SIZE then
		local body = command and bodies[is_reply and command.reply or command.request] or {}
		dissect_tlvs(tvb:range(HEAD_SIZE), body, tree)
	end
	pinfo.cols.protocol = "MRF"
	pinfo.cols.info:append(name .. " " .. tvb:range(8, 4):uint() .. "; ")
	return tvb:len()
end

local function frame_length(tvb, _, offset)
	return 4 + tvb:range(offset, 4):uint()
end

function mrf.dissector(tvb, pinfo, root)
	pinfo.cols.info = ""
	dissect_tcp_pdus(tvb, root, HEAD_SIZE, frame_length, function(t, p, r)
		if t:len() < HEAD_SIZE then
			return t:len()
		end
		return dissect_frame(t, p, r)
	end)
	return tvb:len()
end

DissectorTable.get("tcp.port"):add_for_decode_as(mrf)
DissectorTable.get("wtap_encap"):add(wtap.USER0, mrf)
