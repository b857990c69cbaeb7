/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live page of the admin door: one file of HTML without anything from elsewhere. What comes
 * from the API goes in as text, never as markup, since participants choose their own names.
 */
#include "mrfc/admin/api_page.h"

static const char page[] =
	"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
	"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
	"<title>Conferences</title><style>"
	"body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;"
	"color:#1b2430;background:#f6f7f9}"
	"h1{font-size:1.3rem}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}"
	"h2 small{color:#66707c;font-weight:400}"
	"table{border-collapse:collapse;width:100%;background:#fff;border-radius:6px;"
	"box-shadow:0 1px 2px #0002}"
	"th,td{text-align:left;padding:.35rem .7rem;border-bottom:1px solid #eceef1;"
	"overflow-wrap:anywhere}"
	"th{color:#66707c;font-weight:500;font-size:.85rem}"
	".connected,.up,.active{color:#0a7a3d}.disconnected,.down{color:#b3261e}"
	".none{color:#66707c}#state{float:right;font-size:.85rem;color:#66707c}"
	"@media(prefers-color-scheme:dark){body{background:#15191e;color:#dde3ea}"
	"table{background:#1d232a}th,td{border-color:#2a323b}"
	".connected,.up,.active{color:#5fd08f}.disconnected,.down{color:#ff8a80}}"
	"</style></head><body><span id=\"state\">loading</span><h1>Conferences</h1><main></main>"
	"<script>"
	"'use strict';\n"
	"const main=document.querySelector('main'),state=document.getElementById('state');\n"
	"function el(tag,text,cls){const e=document.createElement(tag);"
	"if(text!==undefined&&text!==null)e.textContent=text;if(cls)e.className=cls;return e}\n"
	"function table(heads,rows){const t=el('table'),h=t.insertRow();"
	"for(const x of heads)h.append(el('th',x));"
	"for(const r of rows){const tr=t.insertRow();"
	"for(const c of r)tr.append(Array.isArray(c)?el('td',c[0],c[1]):el('td',c))}return t}\n"
	"function conference(c){const h=el('h2',c.subject||c.name);"
	"h.append(el('small',' '+c.uri+' \\u00b7 '+c.state+' \\u00b7 since '+c.created+"
	"(c.locked?' \\u00b7 locked':'')+(c.mode=='closed'?' \\u00b7 closed':'')+"
	"(c.until?' \\u00b7 until '+c.until:'')+(c.mrfp?' \\u00b7 '+c.mrfp:'')));const out=[h];"
	"if(c.participants.length)out.push(table(['participant','nickname','role','state','joined','since',"
	"'lost'],c.participants.map(p=>{const e=p.endpoints[0]||{};"
	"return[p.display?p.display+' ('+p.uri+')':p.uri,p.nickname,p.roles.join(' '),"
	"[p.state+(p.cause?' '+p.cause+' '+(p.reason||''):''),p.state],e.joining_method,e.since,"
	"p.lost||'']})));"
	"else out.push(el('p','Nobody is in.','none'));return out}\n"
	"async function get(path){const r=await fetch(path);if(!r.ok)throw new Error(r.status);"
	"return r.json()}\n"
	"async function refresh(){try{"
	"const list=(await get('v1/conferences')).conferences;\n"
	"const full=(await Promise.all(list.slice(0,50).map(c=>"
	"get('v1/conferences/'+encodeURIComponent(c.name)).catch(()=>null)))).filter(c=>c);\n"
	"const mrfps=(await get('v1/mrfps')).mrfps;const out=[];\n"
	"if(!full.length)out.push(el('p','No conferences.','none'));\n"
	"for(const c of full)out.push(...conference(c));\n"
	"if(list.length>50)out.push(el('p','and '+(list.length-50)+' more','none'));\n"
	"out.push(el('h2','MRFPs'));\n"
	"out.push(mrfps.length?table(['id','state','MSRP','contexts','terminations','load'],"
	"mrfps.map(m=>[m.id,[m.state,m.state],m.msrp,m.contexts,m.terminations,"
	"(m.load/10).toFixed(1)+' %'])):el('p','None has registered.','none'));\n"
	"main.replaceChildren(...out);state.textContent='live'"
	"}catch(e){state.textContent='no answer: '+e.message}\n"
	"setTimeout(refresh,2000)}\n"
	"refresh();\n"
	"</script></body></html>";

struct slice api_page(void)
{
	return slice_make(page, sizeof(page) - 1);
}
