//! Which route a request takes, by the rules of API Gateway.
//!
//! The method belongs to the match: `GET /a/{b}` takes `GET /a/x` although there is `POST /a/x`. Of several routes
//! the one wins that has something fixed where the others have a parameter, read from the left; a parameter for
//! the rest of the path comes last.

use axum::http::Method;
use percent_encoding::percent_decode_str;

use super::{GatewayRoute, Handler};

/// All routes, ready to be matched.
pub(super) struct Routes(Vec<Route>);

struct Route {
    method: Method,
    key: String,
    segments: Vec<Segment>,
    handler: Handler,
}

/// In the order of preference.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Fixed(String),
    Parameter(String),
    Rest(String),
}

/// The route a request takes.
pub(super) struct Match<'a> {
    /// As in `GET /a/{b}`.
    pub(super) key: &'a str,
    /// Names and decoded values of the parameters.
    pub(super) parameters: Vec<(&'a str, String)>,
    pub(super) handler: &'a Handler,
}

impl Routes {
    /// Takes routes apart.
    pub(super) fn new(routes: Vec<GatewayRoute>) -> Self {
        let routes = routes.into_iter().map(|GatewayRoute { method, path, handler }| Route {
            key: format!("{method} {path}"),
            segments: segments(&path).map(Segment::parse).collect(),
            method,
            handler,
        });
        Self(routes.collect())
    }

    /// The best route for a request, if any.
    pub(super) fn find(&self, method: &Method, path: &str) -> Option<Match<'_>> {
        let parts: Vec<&str> = segments(path).collect();
        let matching = self
            .0
            .iter()
            .filter(|route| route.method == *method)
            .filter_map(|route| Some((route, route.parameters(&parts)?)));
        let (route, parameters) = matching.min_by_key(|(route, _)| route.preference())?;
        Some(Match { key: &route.key, parameters, handler: &route.handler })
    }
}

impl Route {
    fn parameters(&self, parts: &[&str]) -> Option<Vec<(&str, String)>> {
        let mut found = Vec::new();
        for (at, segment) in self.segments.iter().enumerate() {
            let part = parts.get(at)?;
            match segment {
                Segment::Fixed(text) => {
                    if *text != decoded(part) {
                        return None;
                    }
                }
                Segment::Parameter(_) if part.is_empty() => return None,
                Segment::Parameter(name) => found.push((name.as_str(), decoded(part))),
                Segment::Rest(name) => {
                    found.push((name.as_str(), decoded(&parts[at..].join("/"))));
                    return Some(found);
                }
            }
        }
        (self.segments.len() == parts.len()).then_some(found)
    }

    fn preference(&self) -> Vec<u8> {
        let rank = |segment: &Segment| match segment {
            Segment::Fixed(_) => 0,
            Segment::Parameter(_) => 1,
            Segment::Rest(_) => 2,
        };
        self.segments.iter().map(rank).collect()
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            None => Self::Fixed(text.to_owned()),
            Some(name) => match name.strip_suffix('+') {
                None => Self::Parameter(name.to_owned()),
                Some(name) => Self::Rest(name.to_owned()),
            },
        }
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// A part of a path without its percent signs.
pub(super) fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{GatewayRoute, Method, Routes};

    fn check(wanted: &str, method: Method, path: &str) {
        let routes = [
            (Method::GET, "/"),
            (Method::GET, "/users/{id}"),
            (Method::GET, "/users/me"),
            (Method::POST, "/users/you"),
            (Method::GET, "/users/{user}/purge"),
            (Method::GET, "/users/{id}/{rest+}"),
            (Method::GET, "/{all+}"),
        ];
        let routes = routes.map(|(method, path)| GatewayRoute {
            method,
            path: path.into(),
            handler: Arc::new(|_| Box::pin(async { lambda_http::Response::default() })),
        });
        let routes = Routes::new(routes.into());

        let found = routes.find(&method, path).map(|found| {
            let parameters = found.parameters.iter().map(|(name, value)| format!(" {name}={value}"));
            format!("{}{}", found.key, parameters.collect::<String>())
        });

        assert_eq!(found.as_deref().unwrap_or("none"), wanted, "{path}");
    }

    #[test]
    fn the_most_particular_route_wins() {
        check("GET /", Method::GET, "/");
        check("GET /users/me", Method::GET, "/users/me");
        check("GET /users/{id} id=you", Method::GET, "/users/you");
        check("POST /users/you", Method::POST, "/users/you");
        check("GET /users/{id} id=a/b c", Method::GET, "/users/a%2Fb%20c");
        check("GET /users/{user}/purge user=7", Method::GET, "/users/7/purge");
        check("GET /users/{id}/{rest+} id=7 rest=a/b", Method::GET, "/users/7/a/b");
        check("GET /{all+} all=users/", Method::GET, "/users/");
        check("none", Method::POST, "/users/me");
        check("none", Method::HEAD, "/users/me");
    }
}
