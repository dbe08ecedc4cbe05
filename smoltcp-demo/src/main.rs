//! The command `smoltcp-demo`; what it does is in `smoltcp_demo::demo`.

use std::process::ExitCode;

fn main() -> ExitCode {
    smoltcp_demo::demo::main()
}
