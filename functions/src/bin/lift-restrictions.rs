//! Lambda `lift-restrictions`.

fn main() -> std::process::ExitCode {
    functions::purges::lift_restrictions::main()
}
