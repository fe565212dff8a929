//! The shapes that several endpoints of one dialect share. What only one endpoint says stands in
//! that endpoint's file.

pub mod native;
pub mod pace;
pub mod rallyhere;
pub mod slashid;
pub mod trivore;
