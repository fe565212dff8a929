//! Lambda `queue-own-purge`.

fn main() -> std::process::ExitCode {
    functions::purges::queue_own::main()
}
