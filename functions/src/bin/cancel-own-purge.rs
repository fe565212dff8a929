//! Lambda `cancel-own-purge`.

fn main() -> std::process::ExitCode {
    functions::purges::cancel_own::main()
}
