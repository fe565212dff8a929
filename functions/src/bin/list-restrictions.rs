//! Lambda `list-restrictions`.

fn main() -> std::process::ExitCode {
    functions::purges::list_restrictions::main()
}
