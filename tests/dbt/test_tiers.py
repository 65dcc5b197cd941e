def test_x(warehouse):
    warehouse.purchase("a", ("2017-01-05", 12.5))
    warehouse.build(as_of_date="2017-03-31")
    print(warehouse.records("select * from marts.customer_tiers_monthly"))
