//! The commands, a file each. Belongs here: arguments, printing, exit codes. Does not belong here:
//! anything that another command would need too.

pub mod check;
