//! Styles at the elements change nothing for whoever reads style sheets.

use serde_json::json;
use widerspruch::mail::inline::inline;

/// Sheets and contents: what rules do to each other, and what a template does to both. `x` is a
/// condition, `k` a class or a colour.
const MAILS: [(&str, &str); 19] = [
    (
        ".b{width:300px!important;color:green}@media(max-width:600px){.b{width:100px!important;color:red}}",
        "<div class='b'>T</div><div class='b' style='width:50px;color:blue'>T</div>",
    ),
    (
        "h1{font-size:48px;margin:0 0 9px}a{color:#00f}@media(max-width:600px){h1{font-size:20px;margin-top:4px}}a:focus{color:#f00}@media(prefers-color-scheme:dark){h1{color:#eee}body{background:#111}}h1{color:#000}body{background:#fff;color:#333}",
        "<h1>T</h1><a href='#'>x</a><h1 style='margin-left:7px'>U</h1>",
    ),
    (
        ".i{display:none!important}#r1:checked~.i1{display:block!important}#r2:checked~.i2{display:block!important}.j{color:red}#r2:checked~.j{color:lime}",
        "<input type=radio name=g id=r1 checked><input type=radio name=g id=r2><div class='i i1'>1</div><div class='i i2'>2</div><p class=j>j</p>",
    ),
    (
        ".a{color:#f00}.b{color:#0f0}p{color:#00f;margin:3px}.a span{color:#123}span{color:#456;font-weight:bold}",
        "<p class='{% if x %}a{% else %}b{% endif %}'>T <span>s</span></p><p class='b {{ k }}'>U</p><p class='b{{ k }}'>V</p><p {% if x %}class='a'{% endif %}>W <span>s</span></p>",
    ),
    (
        ".gross{color:red}.klein p{padding:2px}p{padding:9px}.gross p{color:blue}p{color:#111}",
        "<div class='{{ k }}'><p>T</p></div><p class='gross'>U</p>",
    ),
    (
        "li:first-child{color:red}li+li{margin-top:8px}li{color:#333;margin-top:1px}li:nth-child(2){font-weight:bold}li:last-child{color:#090}",
        "<ul>{% if x %}<li>0</li>{% endif %}<li>1</li><li>2</li></ul>",
    ),
    (
        "li:first-child{color:red}li+li{margin-top:8px}li{color:#333}li:nth-child(odd){font-weight:bold}",
        "<ul><li>0<li>1<li>2</ul>",
    ),
    (
        ".w p{color:red}p{color:blue}td{padding:1px}.w td{padding:5px}",
        "{% if x %}<div class=w>{% endif %}<p>T</p><table><tr>{% if x %}<td class=a>{% else %}<td class=b>{% endif %}z</td></tr></table>{% if x %}</div>{% endif %}",
    ),
    (
        ".a{margin:0}p{margin-top:5px;margin-left:6px}#n{border:1px solid red}p{border-left-color:blue;border-top:3px dotted}",
        "<p class=a>T</p><p id=n>U</p><p class=a id=n style='margin-bottom:1px'>V</p>",
    ),
    (
        "p{color:red!important}p{color:blue}.a{color:green!important}@media(max-width:600px){p{color:orange!important}}",
        "<p>T</p><p class=a>U</p><p class=a style='color:black'>V</p><p style='color:black!important'>W</p>",
    ),
    (
        "p{color:red;display:block}@supports(display:grid){p{display:grid;gap:3px}}@supports(display:nonsense){p{color:lime}}p{gap:1px}",
        "<p>T</p>",
    ),
    (
        ":root{--c:#123456}@media(prefers-color-scheme:dark){:root{--c:#fedcba}}p{color:red}.a{color:var(--c)}.b{color:var(--nothing,blue)}",
        "<p>T</p><p class=a>U</p><p class=b>V</p>",
    ),
    (
        "@layer one{p{color:red;padding:1px!important}.a{margin:9px}}p{color:blue;padding:2px!important}.a{margin:1px}",
        "<p>T</p><p class=a>U</p>",
    ),
    (
        "p{color:red;padding:4px;& span{color:lime}&.a{padding:8px}}span{color:blue}",
        "<p>T <span>s</span></p><p class=a>U</p>",
    ),
    (
        "p:not(.a){color:red}p{color:blue}a[href^='https']{color:green}a{color:red}*{font-family:serif}p::before{content:'x';color:lime}",
        "<p>T</p><p class='{% if x %}a{% endif %}'>U</p><a href='https://a.example/'>V</a><a href='{{ k }}'>W</a>",
    ),
    (
        "p{color:{{ k }};margin:2px}{% if x %}p{padding:7px}{% endif %}",
        "<p>T</p>",
    ),
    (
        ".box{width:100%}@media(min-width:480px){.box{width:50%}.box .in{line-height:2}}.in{font:italic 12px/1 serif}",
        "<div class=box><div class=in>T</div></div>",
    ),
    (
        "p{color:red;color:nonsense;background:#eee;background:linear-gradient(#fff,#000)}.a{all:unset}@media(max-width:600px){.b{all:initial}}",
        "<p>T</p><p class=a>U</p><p class=b>V</p>",
    ),
    (
        "p{margin-left:3px;width:200px}@media(max-width:600px){p{margin-inline:20px;inline-size:90px}}",
        "<p>T</p>",
    ),
];

#[test]
fn styles_at_elements_change_nothing_where_sheets_are_read() {
    let mut mails: Vec<_> = MAILS
        .iter()
        .map(|(sheet, body)| {
            format!(
                "<!DOCTYPE html><html><head><style>{sheet}</style></head><body>{body}</body></html>"
            )
        })
        .collect();
    // Sheets that are there under a condition, or not for everybody.
    for sheets in [
        "<style>p{color:red;margin:1px}</style>{% if x %}<style>p{color:blue}</style>{% endif %}",
        "<style>p{color:red;margin:1px}</style><style media='(max-width:600px)'>p{color:blue}</style>",
        "<style>p{color:red}</style><!--[if !mso]><!--><style>p{color:blue}</style><!--<![endif]-->",
    ] {
        mails.push(format!(
            "<!DOCTYPE html><html><head>{sheets}</head><body><p>T</p></body></html>"
        ));
    }
    let carousel = std::fs::read_to_string("tests/fixtures/mjml/carousel.mjml").expect("a mail");
    mails.push(widerspruch::mail::mjml::to_html(&carousel).expect("HTML"));
    let mut changed = 0;
    let pairs: Vec<_> = mails
        .iter()
        .map(|before| {
            let after = inline(before);
            assert_eq!(after.problem, None, "{before}");
            changed += usize::from(*before != after.html);
            json!({ "before": before, "after": after.html })
        })
        .collect();
    assert!(changed > 13, "only {changed} mails have styles at elements");
    let found = super::compare(
        &json!(pairs),
        "const fill = (html, x, k) => html
           .replace(/\\{% if x %\\}([^]*?)(?:\\{% else %\\}([^]*?))?\\{% endif %\\}/g, (_, yes, no) => (x ? yes : no) ?? '')
           .replaceAll('{{ k }}', k);
         const dark = matchMedia('(prefers-color-scheme: dark)').matches;
         const found = [];
         const names = ['all', 'color', 'background-color', 'background-image', 'display', 'width', 'height', 'margin',
           'padding', 'border', 'border-left', 'font', 'gap', 'content', 'visibility', 'opacity', 'text-decoration'];
         const styles = (frame) => [...frame.contentDocument.querySelectorAll('body, body *')].map((element) => {
           const style = frame.contentWindow.getComputedStyle(element);
           return names.map((name) => `${name}: ${style.getPropertyValue(name)}`);
         });
         for (const { before, after } of given) {
           for (const [x, k] of [[true, 'gross'], [false, 'klein']]) {
             for (const width of [1000, 375]) {
               const frames = [await shown(fill(before, x, k), width), await shown(fill(after, x, k), width)];
               if (frames[0].contentWindow.matchMedia('(prefers-color-scheme: dark)').matches !== dark) found.push('not dark');
               const choices = frames[0].contentDocument.querySelectorAll('input, a').length;
               for (let at = -1; at < choices; at++) {
                 // Only one frame at a time has the focus.
                 const [a, b] = frames.map((frame) => {
                   const chosen = frame.contentDocument.querySelectorAll('input, a')[at];
                   if (chosen) { chosen.checked = true; chosen.focus(); }
                   return styles(frame);
                 });
                 if (a.length !== b.length) found.push('other elements');
                 a.forEach((style, index) => style.forEach((value, place) => {
                   if (value !== b[index]?.[place]) {
                     found.push(`${value}, then ${b[index]?.[place]} (${x}, ${width}, ${dark}, ${at}, element ${index}) ${after}`);
                   }
                 }));
               }
               frames.forEach((frame) => frame.remove());
             }
           }
         }
         return found;",
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
}
