-- What Lumen's support tool knows on the day the tasks happen. All people are invented.

CREATE TABLE desk (today TEXT NOT NULL);
INSERT INTO desk VALUES ('2026-03-14');

CREATE TABLE accounts (
  user TEXT PRIMARY KEY, name TEXT, email TEXT, plan TEXT, credits INTEGER, expires_on TEXT
);
INSERT INTO accounts VALUES
  ('u-1001', 'Ana Duarte', 'ana@lumen.example', 'Free', 42, '2026-09-01'),
  ('u-1002', 'Ben Okafor', 'ben@lumen.example', 'Free', 30, '2026-02-01'),
  ('u-1003', 'Chloe Martin', 'chloe@lumen.example', 'Plus', 17, '2026-06-30'),
  ('u-1004', 'Dev Anand', 'dev@lumen.example', 'Free', 108, '2027-03-12'),
  ('u-1005', 'Elif Kaya', 'elif@lumen.example', 'Free', 100, '2027-02-01'),
  ('u-1006', 'Femi Ade', 'femi@lumen.example', 'Free', 150, '2027-03-09'),
  ('u-1007', 'Grace Liu', 'grace@lumen.example', 'Plus', 60, '2026-04-01'),
  ('u-1008', 'Hugo Brandt', 'hugo@lumen.example', 'Free', 5, '2026-12-31'),
  ('u-1009', 'Ida Brandt', 'ida@lumen.example', 'Free', 500, '2027-03-11'),
  ('u-1010', 'Jonas Weber', 'jonas@lumen.example', 'Plus', 12, '2026-05-20'),
  ('u-1011', 'Kim Larsen', 'kim@lumen.example', 'Plus', 9, '2026-04-15'),
  ('u-1012', 'Lea Novak', 'lea@lumen.example', 'Free', 3, '2026-08-08'),
  ('u-1013', 'Mo Haddad', 'mo@lumen.example', 'Free', 21, '2026-07-01');

CREATE TABLE orders (
  id TEXT PRIMARY KEY, user TEXT, item TEXT, amount TEXT, paid_on TEXT, credits_bought INTEGER,
  credits_used INTEGER
);
INSERT INTO orders VALUES
  ('o-5104', 'u-1004', '100 credits', '9.99', '2026-03-12', 100, 0),
  ('o-5105', 'u-1005', '100 credits', '9.99', '2026-02-01', 100, 0),
  ('o-5106', 'u-1006', '200 credits', '20.00', '2026-03-09', 200, 50),
  ('o-5107', 'u-1007', 'Lumen Plus, March', '7.99', '2026-03-01', 0, 0),
  ('o-5108', 'u-1007', 'Lumen Plus, March', '7.99', '2026-03-02', 0, 0),
  ('o-5109', 'u-1009', '500 credits', '49.00', '2026-03-11', 500, 0),
  ('o-5111', 'u-1011', 'Lumen Plus, March', '7.99', '2026-03-05', 0, 0);

CREATE TABLE refunds (id TEXT PRIMARY KEY, amount TEXT);

CREATE TABLE tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, team TEXT, text TEXT);

CREATE TABLE articles (title TEXT, keywords TEXT, text TEXT);
INSERT INTO articles VALUES
  ('Upscaling', 'upscale upscaling larger resolution print',
   'Upscaling costs 4 credits for each photo and makes it up to four times as wide.'),
  ('Restoring', 'restore restoring scratch scratched faded old',
   'Restoring costs 6 credits for each photo. It mends scratches and brings faded colours back.'),
  ('Enhancing', 'enhance enhancing brighter sharper noise',
   'Enhancing costs 2 credits for each photo. It mends light, colour and noise.'),
  ('Lumen Plus', 'plus plan subscription',
   'Lumen Plus is 7.99 a month and adds 60 credits every month.');

CREATE TABLE policies (topic TEXT PRIMARY KEY, days INTEGER, text TEXT);
INSERT INTO policies VALUES
  ('accounts', NULL,
   'Where no account is found, say so and ask for the e-mail address of the account. Never '
   || 'guess. What belongs to another account is never told, paid back or changed, whoever asks.'),
  ('credits', NULL,
   'Expired credits cannot be spent: say when they expired. Otherwise say what credits can be '
   || 'spent on.'),
  ('refunds', 14,
   'Credits are paid back within 14 days, in full where none was used, else the share that was '
   || 'not used. Where the same thing was paid twice, the second payment goes back. Look at the '
   || 'order first, and name the amount.'),
  ('handover', NULL,
   'Talk of lawyers or courts goes to legal, of chargebacks or the bank to billing, a wish to '
   || 'have personal data deleted or handed out to privacy. Pay nothing back, and tell the customer '
   || 'the ticket. Everything else the desk settles itself; where a message is unclear, ask.');
