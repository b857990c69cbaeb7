#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is made from proto/ctl_msgs.def besides the codec: the tables of
docs/control-protocol.md and the tshark dissector docs/mrf-mp.lua.

usage: ctl_docs.py            write them anew
       ctl_docs.py --check    say which are stale; exit 1 when one is

A table stands between "<!-- ctl_msgs.def: NAME -->" and "<!-- end of NAME -->".
"""
import os
import re
import sys
from collections import namedtuple

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
DEF = os.path.join(ROOT, "proto/ctl_msgs.def")
PAGE = os.path.join(ROOT, "docs/control-protocol.md")
LUA = os.path.join(ROOT, "docs/mrf-mp.lua")

Command = namedtuple("Command", "number name direction text")
Result = namedtuple("Result", "number name text")
Body = namedtuple("Body", "name command kind text fields")
Field = namedtuple("Field", "type name tag presence unit text")

LINE = re.compile(r"^CTL_(COMMAND|RESULT|BEGIN|FIELD)\((.*)\)\s*$", re.M)
ARGUMENT = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,]+?)\s*(?:,|$)')
PART = re.compile(r"<!-- ctl_msgs\.def: ([\w-]+) -->\n(.*?)<!-- end of \1 -->", re.S)

TYPES = {"U8": "8 bits", "U16": "16 bits", "U32": "32 bits", "U64": "64 bits", "STR": "text", "BYTES": "octets",
         "STRS": "texts", "BLOBS": "records"}
PRESENCE = {"MUST": "required", "OPT": "optional", "MAY": "optional, skippable"}


class Model:
    """The declaration, read."""

    def __init__(self, text):
        self.commands, self.results, self.bodies = [], [], []
        for kind, inside in LINE.findall(text):
            args = [a[1:-1].replace('\\"', '"') if a.startswith('"') else a for a in ARGUMENT.findall(inside)]
            if kind == "COMMAND":
                self.commands.append(Command(int(args[0]), *args[1:]))
            elif kind == "RESULT":
                self.results.append(Result(int(args[0]), *args[1:]))
            elif kind == "BEGIN":
                self.bodies.append(Body(*args, []))
            else:
                self.bodies[-1].fields.append(Field(args[1], args[2], int(args[3], 16), *args[4:]))

    def body_of(self, command, kind):
        """The body of a command's request or reply; the plain result where it has no own."""
        for b in self.bodies:
            if b.command == command and b.kind == kind:
                return b.name
        return "result"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows]) + "\n"


def commands_part(model):
    return table(["number", "command", "direction", "what"],
                 [[str(c.number), f"`{c.name}`", c.direction, c.text] for c in model.commands])


def results_part(model):
    return table(["number", "result", "means"], [[str(r.number), f"`{r.name}`", r.text] for r in model.results])


def bodies_part(model):
    out = []
    for b in model.bodies:
        out.append(f"### {b.name} ({b.kind} of {b.command})\n\n{b.text}\n")
        rows = [[f"`0x{f.tag:04x}`", f"`{f.name}`", TYPES[f.type], f.unit or "-", PRESENCE[f.presence], f.text]
                for f in b.fields]
        out.append(table(["tag", "field", "type", "unit", "presence", "what"], rows))
    return "\n".join(out)


PARTS = {"commands": commands_part, "results": results_part, "bodies": bodies_part}


def page(model, old):
    """The page with its tables as they should be."""
    def one(m):
        return f"<!-- ctl_msgs.def: {m.group(1)} -->\n{PARTS[m.group(1)](model)}<!-- end of {m.group(1)} -->"
    return PART.sub(one, old)


def values(field):
    """Names of a small integer's values, read from its sentence ("1 chat (default), 2 relay.")."""
    if field.type != "U8":
        return []
    found = [(int(n), text.strip()) for n, text in re.findall(r"\b(\d+) ([A-Za-z][^,.;(]*)", field.text)]
    numbers = [n for n, _ in found]
    is_bits = 4 in numbers and 3 not in numbers
    return found if len(found) > 1 and not is_bits else []


def lua_field(model, body, f):
    """One ProtoField: its Lua type, and names of its values where it has some."""
    kind = {"U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "STR": "string", "STRS": "string",
            "BYTES": "bytes", "BLOBS": "bytes"}[f.type]
    names = values(f)
    if f.name == "code":
        names = [(r.number, r.name) for r in model.results]
    extra = ""
    if names:
        extra = ", base.DEC, {" + ", ".join(f'[{n}] = "{text}"' for n, text in names) + "}"
    elif f.name == "incarnation":
        extra = ", base.HEX"
    return f'ProtoField.{kind}("mrf.{body.name}.{f.name}", "{f.name}"{extra})'


def lua_tables(model):
    out = ["local bodies = {"]
    for b in model.bodies:
        out.append(f"\t{b.name} = {{")
        for f in b.fields:
            record = ', record = "audit_termination"' if f.type == "BLOBS" else ""
            out.append(f"\t\t[0x{f.tag:04x}] = {{ field = {lua_field(model, b, f)}{record} }},")
        out.append("\t},")
    out.append("}\n")
    out.append("local commands = {")
    for c in model.commands:
        out.append(f'\t[{c.number}] = {{ name = "{c.name}", request = "{model.body_of(c.name, "request")}", '
                   f'reply = "{model.body_of(c.name, "reply")}" }},')
    out.append("}\n")
    return "\n".join(out)


LUA_HEAD = """\
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

"""

LUA_TAIL = """\
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
"""


def lua(model, _old):
    return LUA_HEAD + lua_tables(model) + LUA_TAIL


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def main(argv):
    if argv not in ([], ["--check"]):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    model = Model(read(DEF))
    stale = 0
    for path, make in ((PAGE, page), (LUA, lua)):
        old = read(path)
        new = make(model, old)
        if new == old:
            continue
        name = os.path.relpath(path, ROOT)
        if argv:
            print(f"{name}:1: stale (make docs)")
            stale = 1
        else:
            with open(path, "w", encoding="utf-8") as f:
                f.write(new)
            print(f"  DOCS   {name}")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
