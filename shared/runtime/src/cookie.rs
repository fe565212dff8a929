//! Cookies: read from a call, and made for an answer.

use chrono::TimeDelta;
use http::HeaderMap;

/// The value of the cookie `name`. One that comes twice is none: who set the second is not known.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none())
}

/// A cookie for this host alone that no script reads. `Lax`, because people come from their provider, and
/// from links in mails.
pub fn made(name: &str, value: &str, life: TimeDelta) -> String {
    format!("{name}={value}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Lax", life.num_seconds())
}

/// What makes a browser forget a cookie.
pub fn forgotten(name: &str) -> String {
    made(name, "", TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &'static str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", http::HeaderValue::from_static(header));
        assert_eq!(read(&headers, "a"), expected, "{header}");
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_only_once() {
        check("a=1", Some("1"));
        check("b=2; a=1=1; c", Some("1=1"));
        check("aa=1; A=2", None);
        check("a=1; a=2", None);
        check("", None);
    }
}
