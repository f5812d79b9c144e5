use super::*;

const HERE: &str = "https://w.example/abmelden/AbC";

fn shows(html: &str) -> bool {
    Document::read(&html.replace("HERE", HERE)).shows_link(HERE)
}

#[test]
fn links_that_readers_see_are_seen() {
    for html in [
        "<a href='HERE'>Abmelden</a>",
        "<a href=\" HERE\n\">Abmelden</a>",
        "<table><tr><td><p>x <a href=HERE>ab</a></table>",
        "<a href='HERE'><img src='x.png' alt='Abmelden' width='120'></a>",
        "<a href='HERE'><b><span>&nbsp;✕</span></b></a>",
        // Columns of tables begin without a size, and their text has one.
        "<table><td style='font-size:0px'><div style='font-size:13px'><a href='HERE'>ab</a></div></table>",
        "<div style='visibility:hidden'><a style='visibility:visible' href='HERE'>ab</a></div>",
        "<div style='display:none'>Vorschau</div><a href='HERE'>ab</a>",
        "<!--[if mso]><table><![endif]--><a href='HERE'>ab</a><!--[if mso]></table><![endif]-->",
        "<head><!--[if gte mso 9]><xml><o:x>96</o:x></xml><![endif]--></head><a href='HERE'>ab</a>",
        "<!--[if !mso]><!--><p>x</p><!--<![endif]--><a href='HERE'>ab</a>",
        "<style>.x{display:none} a:hover{opacity:0} @media print{a{display:none}}</style><a href='HERE'>ab</a>",
        "<style>a{display:none}</style><a style='display:inline!important' href='HERE'>ab</a>",
        "<body bgcolor='#000000'><a style='color:#fff' href='HERE'>ab</a>",
        "<p style='color:#fff'><a href='HERE'>blau</a></p>",
        "<a style='opacity:0.9;height:20px;max-height:40px;left:10px;margin:0 -3px' href='HERE'>ab</a>",
        "<div style='background:#222 url(x.png)'><a style='color:#fff' href='HERE'>ab</a></div>",
        "<div style='background-image:url(x.png);background-color:#222'><a style='color:#fff' href='HERE'>ab</a></div>",
        "<div style='background:url(x.png)'><a href='HERE'>ab</a></div>",
        "<details open><a href='HERE'>ab</a></details><noscript></noscript>",
        "<details><summary><a href='HERE'>ab</a></summary></details>",
        "<noscript><a href='HERE'>ab</a></noscript>",
        "<a href='HERE' title='x'>ab</a><style>",
    ] {
        assert!(shows(html), "{html}");
    }
}

#[test]
fn what_is_no_link_or_leads_elsewhere_does_not_count() {
    for html in [
        "HERE",
        "<p>HERE</p>",
        "<title>HERE</title>",
        "<title><a href='HERE'>ab</a></title>",
        "<a href='http://HERE'>ab</a>",
        "<a href='HERE&amp;x=1'>ab</a>",
        "<a href='HERE/'>ab</a>",
        "<a href='HERE.'>ab</a>",
        "<a href='https://x.example/?u=HERE'>ab</a>",
        "<a href='x' title='HERE'>ab</a>",
        "<a href='x' href='HERE'>ab</a>",
        "<a data-href='HERE'>ab</a>",
        "<a name='HERE'>ab</a>",
        "<img src='HERE' alt='ab'>",
        "<form action='HERE'><button>ab</button></form>",
        "<map><area href='HERE' alt='ab'></map>",
        "<svg><a href='HERE'><text>ab</text></a></svg>",
        "<link href='HERE'>",
        "<!-- <a href='HERE'>ab</a> -->",
        "<!--[if mso]><a href='HERE'>ab</a><![endif]-->",
        "<!--[if !mso]><!--><a href='HERE'>ab</a><!--<![endif]-->",
        "<![if !mso]><a href='HERE'>ab</a><![endif]>",
        "<!-- <a href='HERE'>ab</a>",
        "<style><a href='HERE'>ab</a>",
        "<a href='HERE'",
        "<a href='HERE'></a>",
        "<a href='HERE'>.</a>",
        "<a href='HERE'>&#xE000;&#x2800;</a>",
        "<button><a href='HERE'>ab</a></button>",
        "<a href='HERE'> &nbsp;&zwnj;&#8203; </a>",
        "<a href='HERE'><img src='x.png'></a>",
        "<a href='HERE'><img src='x.png' alt=' '></a>",
        "<a href='HERE'><img src='x.png' alt='ab' width='1' height='1'></a>",
        "<!--[if mso]><div style='display:none'><![endif]--><a href='HERE'>ab</a><!--[if mso]></div><![endif]-->",
        "<!--[if gte mso 9]><style>a{mso-hide:all}</style><![endif]--><a href='HERE'>ab</a>",
        "<!--[IF MSO]><!-- <![endif]--><a href='HERE'>ab</a><!-- -->",
        "<noscript><!--</noscript><a href='HERE'>ab</a>-->",
    ] {
        assert!(!shows(html), "{html}");
    }
}

#[test]
fn what_hides_a_link_is_found_in_its_style() {
    for style in [
        "display:none",
        "DISPLAY : None !important",
        "displ\\61 y:none",
        "display:/**/none",
        "color:red;;display:none",
        "display:none;display:unknown",
        "display:var(--x)",
        "visibility:hidden",
        "visibility:collapse",
        "opacity:0",
        "opacity:.01",
        "opacity:0%",
        "font-size:0",
        "font-size:0px",
        "font-size:1px",
        "font-size:0.1em",
        "font-size:5%",
        "font:0/0 a",
        "font:1px/1 Arial",
        "height:0;overflow:hidden",
        "max-height:0",
        "max-height:1px",
        "width:0px",
        "max-width:0;overflow:hidden",
        "mso-hide:all",
        "text-indent:-9999px",
        "position:absolute;left:-10000px",
        "position:absolute;top:-999em",
        "margin-left:-5000px",
        "clip:rect(0,0,0,0)",
        "clip-path:inset(50%)",
        "transform:scale(0)",
        "-webkit-transform:scale(0,0)",
        "transform:translateX(-9999px)",
        "color:transparent",
        "color:rgba(0,0,0,0)",
        "color:#ffffff",
        "color:#FEFEFE",
        "color:white",
        "color:rgb(255 255 255)",
        "color:#222;background:#222",
        "filter:opacity(0)",
        "content-visibility:hidden",
        "pointer-events:none",
        "zoom:0",
        "font-size:6px",
        "color:#ddd",
        "color:#fff;background:url(x.png)",
        "color:#fff;background:linear-gradient(#fff,#eee)",
        "color:hsl(0 0% 100%)",
        "display:table-column",
        "height:3px;overflow:hidden",
        "max-height:0.1em;overflow-y:clip",
        "position:relative;z-index:-1",
        "padding-left:9999px",
        "mix-blend-mode:screen",
    ] {
        let own = format!("<a href='HERE' style='{style}'>ab</a>");
        assert!(!shows(&own), "{own}");
        let inside = format!("<a href='HERE'><span style='{style}'>ab</span></a>");
        assert!(!shows(&inside), "{inside}");
        if !style.starts_with("color") {
            let around = format!("<div style='{style}'><p><a href='HERE'>ab</a></p></div>");
            assert!(!shows(&around), "{around}");
            let sheet = format!(
                "<style>.weg p{{{style}}}</style><div class='Weg'><p><a href='HERE'>ab</a></p></div>"
            );
            assert!(!shows(&sheet), "{sheet}");
        }
    }
}

#[test]
fn what_hides_a_link_is_found_in_style_sheets_and_elements() {
    for html in [
        "<style>a{display:none}</style><a href='HERE'>ab</a>",
        "<style>p , #x.y a[href^='https'] {display:none}</style><div id=x class=y><a href='HERE'>ab</a></div>",
        "<style>@media (max-width:600px){.x{display:none!important}}</style><a class=x href='HERE'>ab</a>",
        "<style>@media screen{@supports (x:y){.x{opacity:0}}}</style><a class=x href='HERE'>ab</a>",
        "<style>@import 'x';@font-face{x:y}a:link,b{visibility:hidden}</style><a href='HERE'>ab</a>",
        "<style>a:not(:hover){display:none}</style><a href='HERE'>ab</a>",
        "<style>.x:is(a){display:none}</style><a class=x href='HERE'>ab</a>",
        "<style><!-- a{display:none} --></style><a href='HERE'>ab</a>",
        "<body><style>div>p:first-child a{font-size:0}</style><div><p><a href='HERE'>ab</a>",
        "<style>a{display:none!important}</style><a style='display:inline' href='HERE'>ab</a>",
        "<style>a{opacity:0}</style><a style='opacity:viel!important' href='HERE'>ab</a>",
        "<div hidden><a href='HERE'>ab</a></div>",
        "<div hidden=''><a href='HERE'>ab</a></div>",
        "<div inert><a href='HERE'>ab</a></div>",
        "<div popover><a href='HERE'>ab</a></div>",
        "<template><a href='HERE'>ab</a></template>",
        "<textarea><a href='HERE'>ab</a></textarea>",
        "<details>x<a href='HERE'>ab</a></details>",
        "<dialog><a href='HERE'>ab</a></dialog>",
        "<object><a href='HERE'>ab</a></object>",
        "<font color=white><a href='HERE'><font color='#ffffff'>ab</font></a></font>",
        "<body link='#ffffff'><a href='HERE'>ab</a>",
        "<table bgcolor='#0000ee'><tr><td><a style='color:#0000ee' href='HERE'>ab</a></table>",
    ] {
        assert!(!shows(html), "{html}");
    }
    let many = (0..3_000).fold(String::new(), |many, n| {
        many + &format!(".c{n}{{display:none}}")
    });
    assert!(!shows(&format!(
        "<style>{many}</style><a href='HERE'>ab</a>"
    )));
}

#[test]
fn a_picture_is_loaded_where_it_is_no_text_and_not_hidden() {
    let loads = |html: &str| Document::read(html).loads("https://w.example/o/1.gif");
    let picture = "<img src='https://w.example/o/1.gif' width=1 height=1 alt='' style='width:1px;height:1px'>";
    assert!(loads(&format!("<p>x{picture}</p>")));
    assert!(loads(&format!("<td style='font-size:14px'>{picture}</td>")));
    for before in [
        "<!--",
        "<style>",
        "<title>",
        "<textarea>",
        "<template>",
        "<div style='display:none'>",
        "<a href='",
    ] {
        assert!(!loads(&format!("{before}{picture}")), "{before}");
    }
}

fn why(source: &str) -> (Option<usize>, String) {
    let unseen = explain(source).unwrap();
    (unseen.line, unseen.message)
}

#[test]
fn what_was_begun_and_not_ended_is_named_with_its_line() {
    for (source, line, what) in [
        ("<p>x</p>\n\n<!-- a\nb", 3, "Kommentar"),
        ("<p>x</p>\n<!--[if mso]>\n<table>\n", 2, "[if …]"),
        ("\n<!--[if !mso]><!-->\n<p>x", 2, "[if …]"),
        ("<head>\n<style>\n.a{}\n</head><p>x", 2, "<style>"),
        ("<!-- x -->\n<title>T\n<p>x", 2, "<title>"),
        ("<p>\n\n<textarea>x\n", 3, "<textarea>"),
        ("<script>\nx", 1, "<script>"),
        ("\n<template>\n<p>x</p>\n", 2, "<template>"),
        (
            "<body>\n<div style='display:none'>Vorschau\n<p>x</p>\n",
            2,
            "<div>",
        ),
        (
            "<style>.v{display:none}</style>\n<div>\n<span class=v>\n<b>x</b>",
            3,
            "<span>",
        ),
        ("<p>x</p>\n<p>y</p>\n<a href=\"x>\n<b>y", 3, "Tag"),
        ("<p>\r\n<!-- \r\n", 2, "Kommentar"),
    ] {
        let (found, message) = why(source);
        assert_eq!(found, Some(line), "{source}: {message}");
        assert!(message.contains(what), "{source}: {message}");
    }
    assert_eq!(why("<p>x").0, None);
}
