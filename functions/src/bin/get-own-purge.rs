//! Lambda `get-own-purge`.

fn main() -> std::process::ExitCode {
    functions::purges::get_own::main()
}
