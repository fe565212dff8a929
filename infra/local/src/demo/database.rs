//! The database of the shop.

use std::path::Path;

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::tables::{ADDRESSES, ORDERS, PEOPLE, PRODUCTS};

const SCHEMA: [&str; 8] = [
    "CREATE TABLE addresses (
        id INTEGER PRIMARY KEY,
        street TEXT NOT NULL,
        postal_code TEXT NOT NULL,
        city TEXT NOT NULL,
        country TEXT NOT NULL
    )",
    "CREATE TABLE customers (
        id INTEGER PRIMARY KEY,
        external_id TEXT NOT NULL UNIQUE,
        email TEXT NOT NULL UNIQUE,
        phone TEXT,
        first_name TEXT NOT NULL,
        last_name TEXT NOT NULL,
        birthday TEXT,
        address_id INTEGER NOT NULL REFERENCES addresses (id),
        joined_on TEXT NOT NULL
    )",
    "CREATE TABLE products (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        price_cents INTEGER NOT NULL
    )",
    "CREATE TABLE orders (
        id INTEGER PRIMARY KEY,
        customer_id INTEGER NOT NULL REFERENCES customers (id),
        address_id INTEGER NOT NULL REFERENCES addresses (id),
        placed_at TEXT NOT NULL,
        status TEXT NOT NULL,
        total_cents INTEGER NOT NULL
    )",
    "CREATE TABLE order_items (
        order_id INTEGER NOT NULL REFERENCES orders (id),
        line INTEGER NOT NULL,
        product_id INTEGER NOT NULL REFERENCES products (id),
        quantity INTEGER NOT NULL,
        price_cents INTEGER NOT NULL,
        PRIMARY KEY (order_id, line)
    ) WITHOUT ROWID",
    "CREATE INDEX customers_by_phone ON customers (phone)",
    "CREATE INDEX customers_by_address ON customers (address_id)",
    "CREATE INDEX orders_by_customer ON orders (customer_id)",
];

/// The number of the first order.
const FIRST_ORDER: i64 = 5001;

/// How many of the latest orders are still on their way.
const ON_THEIR_WAY: usize = 2;

/// Makes the database in a new file.
pub(super) async fn fill(file: &Path) -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).foreign_keys(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let mut shop = connection.begin().await?;
    for statement in SCHEMA {
        sqlx::query(statement).execute(&mut *shop).await?;
    }
    for (id, street, postal_code, city, country) in ADDRESSES {
        sqlx::query("INSERT INTO addresses VALUES (?, ?, ?, ?, ?)")
            .bind(id)
            .bind(street)
            .bind(postal_code)
            .bind(city)
            .bind(country)
            .execute(&mut *shop)
            .await?;
    }
    for (id, name, price) in PRODUCTS {
        let insert = sqlx::query("INSERT INTO products VALUES (?, ?, ?)");
        insert.bind(id).bind(name).bind(price).execute(&mut *shop).await?;
    }
    for person in &PEOPLE {
        sqlx::query("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(person.number)
            .bind(person.external_id)
            .bind(person.email)
            .bind(person.phone)
            .bind(person.first_name)
            .bind(person.last_name)
            .bind(person.birthday)
            .bind(person.address)
            .bind(person.joined_on)
            .execute(&mut *shop)
            .await?;
    }
    for (place, (order, id)) in ORDERS.iter().zip(FIRST_ORDER..).enumerate() {
        let status = if place + ON_THEIR_WAY < ORDERS.len() { "delivered" } else { "shipped" };
        // Without another address, an order goes where the customer lives. Its total follows from its lines.
        sqlx::query(
            "INSERT INTO orders VALUES
             (?1, ?2, coalesce(?3, (SELECT address_id FROM customers WHERE id = ?2)), ?4, ?5, 0)",
        )
        .bind(id)
        .bind(order.customer)
        .bind(order.to)
        .bind(order.placed_at)
        .bind(status)
        .execute(&mut *shop)
        .await?;
        for ((product, quantity), line) in order.lines.iter().zip(1_i64..) {
            sqlx::query(
                "INSERT INTO order_items VALUES
                 (?1, ?2, ?3, ?4, (SELECT price_cents FROM products WHERE id = ?3))",
            )
            .bind(id)
            .bind(line)
            .bind(product)
            .bind(quantity)
            .execute(&mut *shop)
            .await?;
        }
    }
    let totals = "UPDATE orders SET total_cents = \
                  (SELECT sum(quantity * price_cents) FROM order_items WHERE order_id = orders.id)";
    sqlx::query(totals).execute(&mut *shop).await?;
    shop.commit().await?;
    connection.close().await
}
