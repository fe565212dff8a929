-- A shop of eleven tables, with indexes on what the references and identities of shop.yml query.
CREATE TABLE addresses (
    id bigint PRIMARY KEY,
    house text,
    street text,
    city text,
    state text,
    zip text
);

CREATE TABLE customers (
    id bigint PRIMARY KEY,
    email text NOT NULL,
    name text,
    address_id bigint REFERENCES addresses,
    created timestamp NOT NULL
);

CREATE TABLE employees (
    id bigint PRIMARY KEY,
    email text NOT NULL,
    name text,
    address_id bigint REFERENCES addresses
);

CREATE TABLE payment_cards (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    billing_address_id bigint REFERENCES addresses,
    holder text,
    number text,
    code integer,
    preferred boolean NOT NULL
);

CREATE TABLE products (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    price numeric(10, 2) NOT NULL
);

CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    shipping_address_id bigint REFERENCES addresses,
    ordered timestamp NOT NULL
);

CREATE TABLE order_items (
    order_id bigint NOT NULL REFERENCES orders,
    product_id bigint NOT NULL REFERENCES products,
    quantity integer NOT NULL,
    PRIMARY KEY (order_id, product_id)
);

CREATE TABLE logins (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    at timestamp NOT NULL
);

CREATE TABLE visits (
    email text NOT NULL,
    last_visit timestamp NOT NULL,
    PRIMARY KEY (email, last_visit)
);

CREATE TABLE service_requests (
    id bigint PRIMARY KEY,
    email text,
    alt_email text,
    employee_id bigint REFERENCES employees,
    opened date NOT NULL,
    closed date
);

CREATE TABLE reports (
    id bigint PRIMARY KEY,
    email text NOT NULL,
    title text NOT NULL,
    year integer NOT NULL,
    month integer NOT NULL,
    visits integer NOT NULL
);

CREATE INDEX ON customers (email);
CREATE INDEX ON employees (email);
CREATE INDEX ON payment_cards (customer_id);
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON logins (customer_id);
CREATE INDEX ON service_requests (email);
CREATE INDEX ON service_requests (alt_email);
CREATE INDEX ON service_requests (employee_id);
CREATE INDEX ON reports (email);

INSERT INTO products SELECT i, 'product ' || i, i + 0.99 FROM generate_series(1, 50) AS i;
INSERT INTO addresses SELECT i, i, 'Market Street', 'Springfield', 'XA', '12345' FROM generate_series(1, 9) AS i;
INSERT INTO employees SELECT i, 'employee' || i || '@example.org', 'Employee ' || i, i FROM generate_series(1, 9) AS i;

-- People with ids from 1 on, each with 17 rows: 1 customer, 2 addresses, 1 card, 2 orders of 3 items and
-- 2 products, 3 logins, 1 visit, 1 service request, 1 report.
CREATE PROCEDURE small_people(people bigint) LANGUAGE sql BEGIN ATOMIC
    INSERT INTO addresses
    SELECT 10 * p + k, k, 'Rose Lane ' || p, 'Springfield', 'XA', '12345'
    FROM generate_series(1, people) AS p, generate_series(0, 1) AS k;

    INSERT INTO customers
    SELECT p, 'small' || p || '@example.org', 'Ada Small ' || p, 10 * p, timestamp '2024-01-01' + p * interval '1 minute'
    FROM generate_series(1, people) AS p;

    INSERT INTO payment_cards
    SELECT p, p, 10 * p, 'Ada Small ' || p, (4000000000000000 + p)::text, p % 1000, true
    FROM generate_series(1, people) AS p;

    INSERT INTO orders
    SELECT 10 * p + k, p, 10 * p + k, timestamp '2024-02-01' + p * interval '1 minute'
    FROM generate_series(1, people) AS p, generate_series(0, 1) AS k;

    INSERT INTO order_items
    SELECT 10 * p + k / 2, 1 + k % 2 * 25 + p % 25, 1 + k
    FROM generate_series(1, people) AS p, generate_series(0, 2) AS k;

    INSERT INTO logins
    SELECT 10 * p + k, p, timestamp '2024-03-01' + (10 * p + k) * interval '1 minute'
    FROM generate_series(1, people) AS p, generate_series(0, 2) AS k;

    INSERT INTO visits
    SELECT 'small' || p || '@example.org', timestamp '2024-04-01' + p * interval '1 minute'
    FROM generate_series(1, people) AS p;

    INSERT INTO service_requests
    SELECT p, 'small' || p || '@example.org', NULL, 1 + p % 9, date '2024-05-01', NULL
    FROM generate_series(1, people) AS p;

    INSERT INTO reports
    SELECT p, 'small' || p || '@example.org', 'Visits', 2024, 1 + p % 12, p % 100
    FROM generate_series(1, people) AS p;
END;

-- A person with n/10 cards, 2n/10 orders, 4n/10 items and 3n/10 logins, who uses n/25 addresses.
-- Ids are those beyond `person`, which is the customer's own.
CREATE PROCEDURE large_person(person bigint, n bigint) LANGUAGE sql BEGIN ATOMIC
    INSERT INTO addresses
    SELECT person + i, i, 'Long Road ' || i, 'Shelbyville', 'XB', '54321'
    FROM generate_series(0, n / 25 - 1) AS i;

    INSERT INTO customers
    VALUES (person, 'large' || person || '@example.org', 'Bob Large', person, timestamp '2024-01-01');

    INSERT INTO payment_cards
    SELECT person + i, person, person + i % (n / 25), 'Bob Large', (5000000000000000 + i)::text, i % 1000, i = 0
    FROM generate_series(0, n / 10 - 1) AS i;

    INSERT INTO orders
    SELECT person + i, person, person + i % (n / 25), timestamp '2024-02-01' + i * interval '1 minute'
    FROM generate_series(0, 2 * n / 10 - 1) AS i;

    INSERT INTO order_items
    SELECT person + i / 2, 1 + (i / 2 + i % 2 * 7) % 50, 1 + i % 9
    FROM generate_series(0, 4 * n / 10 - 1) AS i;

    INSERT INTO logins
    SELECT person + i, person, timestamp '2024-03-01' + i * interval '1 minute'
    FROM generate_series(0, 3 * n / 10 - 1) AS i;
END;
