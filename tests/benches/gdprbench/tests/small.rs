//! The benchmark at a size that takes seconds: every answer is as the oracle says.

#![allow(clippy::unwrap_used)]

use gdprbench::{
    roles::{Role, Session},
    site::{Site, Workers},
};

#[tokio::test]
async fn every_operation_of_every_role_is_answered_as_the_oracle_says() {
    let mut site = Site::load(60, 100, 2020, Workers::Within, None).await.unwrap();
    for role in Role::ALL {
        let mut session = Session::new(role, &site, 7);
        session.run(&mut site, 30).await;
        session.judge().unwrap();
        assert_eq!(session.took.len(), 30);
    }
    site.settle().await.unwrap();
}
