//! thetaq
fn main() {}
