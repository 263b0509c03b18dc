-- Called by migration production.0006. What programs outside read: views whose columns only grow.
-- A changed meaning is a new view (v2_...), never a changed one. The views run with their owner's rights, so whoever
-- reads them needs none on the tables; the role report_ro gets its own after every migration (plant/roles.py).
CREATE SCHEMA report;
COMMENT ON SCHEMA report IS 'Versioned views for reports: columns only grow, times are UTC, codes not numbers.';
