//! What each function's file ends with: how the function is called by the catalog and by Lambda.

/// The function is an endpoint: `ROUTE`, `DOCS` and a handler.
macro_rules! endpoint {
    ($handle:path) => {
        /// The route with its handler.
        pub fn endpoint() -> ::runtime::Endpoint {
            ::runtime::mount(&ROUTE, $handle)
        }

        /// What the OpenAPI document says of it.
        pub fn operation() -> ::runtime::docs::Operation {
            ::runtime::docs::Operation::of(&ROUTE, $handle, &DOCS)
        }

        /// The Lambda.
        pub fn main() -> ::std::process::ExitCode {
            ::runtime::serve(endpoint())
        }
    };
}

/// The function is a worker: `SPEC`, how it is called, and a handler.
macro_rules! worker {
    ($called:ident, $handle:path) => {
        /// The worker with its handler.
        pub fn worker() -> ::runtime::Worker {
            ::runtime::$called(&SPEC, $handle)
        }

        /// The Lambda.
        pub fn main() -> ::std::process::ExitCode {
            ::runtime::serve_worker(worker())
        }
    };
}

/// The function is a page, or takes a form of one: part of a Lambda with others.
macro_rules! page {
    ($lambda:expr, $handle:path) => {
        /// The route with its handler.
        pub fn endpoint() -> ::runtime::Endpoint {
            ::runtime::mount(&ROUTE, $handle).within($lambda)
        }

        /// What the OpenAPI document says of it.
        pub fn operation() -> ::runtime::docs::Operation {
            ::runtime::docs::Operation::of(&ROUTE, $handle, &DOCS)
        }
    };
}
