//! What every page must be, for the tests.

/// Breaks out of text, attributes and elements, if it is let.
pub(crate) const HOSTILE: &str = r#""'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;"#;

/// Elements that have no end.
const VOID: &[&str] = &["meta", "br", "hr", "input", "img"];

/// All elements that our pages are made of. What is not here, such as `script`, must not be there.
const KNOWN: &[&str] = &[
    "html",
    "head",
    "title",
    "style",
    "body",
    "main",
    "section",
    "article",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "details",
    "summary",
    "p",
    "ul",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "a",
    "code",
    "pre",
    "span",
    "time",
    "bdi",
    "blockquote",
    "form",
    "button",
    "strong",
    "header",
    "nav",
    "footer",
    "aside",
    "ol",
    "label",
    "select",
    "option",
    "textarea",
    "fieldset",
    "legend",
    "progress",
    "svg",
    "g",
    "text",
    "rect",
    "line",
    "small",
];

struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
    is_end: bool,
}

/// Checks a page with our stylesheet.
pub(crate) fn check_page(page: &str) {
    check_styled(page, crate::STYLE);
}

/// Checks that a page is well-formed, accessible in the simplest ways, and loads and runs nothing.
pub(crate) fn check_styled(page: &str, style: &str) {
    let rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    let mut open = Vec::new();
    let mut headings = Vec::new();
    for tag in tags(rest) {
        let Tag { name, attributes, is_end } = &tag;
        assert!(KNOWN.contains(name) || VOID.contains(name), "<{name}> in {page}");
        if *is_end {
            assert_eq!(open.pop(), Some(*name), "</{name}> in {page}");
            continue;
        }
        if !VOID.contains(name) {
            open.push(name);
        }
        if let Some(level) = name.strip_prefix('h').and_then(|level| level.parse::<u8>().ok()) {
            headings.push(level);
        }
        for (attribute, value) in attributes {
            assert!(!attribute.starts_with("on"), "{attribute} in {page}");
            assert!(!matches!(*attribute, "srcset" | "style"), "{attribute} in {page}");
            // Pictures of an archive lie beside its page.
            assert!(
                *attribute != "src" || (*name == "img" && value.starts_with("files/")),
                "{value} in {page}"
            );
            assert!(!value.contains(['<', '>', '"']), "{value} in {page}");
        }
        let has = |wanted: &str| attributes.iter().any(|(name, value)| *name == wanted && !value.is_empty());
        match *name {
            "html" => assert!(has("lang"), "no language in {page}"),
            "img" => assert!(has("alt"), "a picture without words in {page}"),
            "th" => assert!(has("scope"), "a header cell without scope in {page}"),
            "time" => assert!(has("datetime"), "a time without datetime in {page}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?} left open in {page}");
    assert_eq!(headings.first(), Some(&1), "the first heading of {page}");
    assert_eq!(headings.iter().filter(|level| **level == 1).count(), 1, "first headings in {page}");
    assert!(headings.windows(2).all(|two| two[1] <= two[0] + 1), "{headings:?} skips a level in {page}");
    assert!(page.contains("<title>") && !page.contains("<title></title>"), "no title in {page}");
    assert!(page.contains(&format!("<style>{style}</style>")), "another stylesheet in {page}");
    assert!(!style.contains("url(") && !style.contains("@import"));
}

/// The tags of a page in their order.
fn tags(page: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let (inside, after) = after.split_once('>').expect("a closed tag");
        rest = after;
        let is_end = inside.starts_with('/');
        let inside = inside.trim_start_matches('/');
        let (name, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        if name == "style" && !is_end {
            // Its contents are no markup.
            rest = &rest[rest.find("</style>").expect("the end of the style")..];
        }
        tags.push(Tag { name, attributes: parse(attributes), is_end });
    }
    tags
}

/// Attributes, which we always write as `name="value"`.
fn parse(mut rest: &str) -> Vec<(&str, &str)> {
    let mut attributes = Vec::new();
    while !rest.trim().is_empty() {
        let (name, after) = rest.split_once("=\"").expect("a quoted attribute");
        let (value, after) = after.split_once('"').expect("the end of a quoted attribute");
        attributes.push((name.trim(), value));
        rest = after;
    }
    attributes
}

/// What a page says, with its markup taken away and its entities resolved.
pub(crate) fn text_of(page: &str) -> String {
    let (_, body) = page.split_once("<body>").expect("a body");
    let mut text = String::new();
    for piece in body.split('<') {
        text.push_str(piece.split_once('>').map_or(piece, |(_, after)| after));
    }
    let entities = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    entities.iter().fold(text, |text, (entity, sign)| text.replace(entity, sign))
}
